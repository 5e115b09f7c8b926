//! The viewer's second factor: set an authenticator app up, remove it, new recovery codes. Each change needs a recent proof.

use askama::Template;

use crate::domain::otp::OtpCode;
use crate::http::admin::pages::own_confirm::OwnConfirmPage;
use crate::http::admin::pages::people::account::requester;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::accounts::step_up;
use crate::services::second_factors::enrolment::{self, Factors, NewTotp};

#[derive(Template)]
#[template(path = "admin/account/second_factor.html")]
struct FactorsPage {
    l: Layout,
    errors: FieldErrors,
    factors: Factors,
}

impl FactorsPage {
    /// Whether the authenticator app is set up.
    fn app_state(&self) -> String {
        self.l.t(if self.factors.totp.is_some() {
            "second_factor.is_set_up"
        } else {
            "second_factor.is_missing"
        })
    }
}

#[derive(Template)]
#[template(path = "admin/account/totp.html")]
struct TotpPage {
    l: Layout,
    errors: FieldErrors,
    totp: NewTotp,
}

#[derive(Template)]
#[template(path = "admin/account/recovery_codes.html")]
struct CodesPage {
    l: Layout,
    codes: Vec<String>,
}

async fn page(panel: &Panel, errors: FieldErrors) -> Result<FactorsPage, Error> {
    Ok(FactorsPage {
        l: panel.layout("account"),
        errors,
        factors: find(panel).await?,
    })
}

/// `GET /admin/account/second-factor`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn show(panel: Panel) -> PageResult {
    let page = page(&panel, FieldErrors::default()).await?;
    panel.page(&page)
}

/// Checks the proof of the viewer; false if it is missing or wrong.
pub(super) async fn confirmed(
    form: &mut Form<Panel>,
    device: PresentedDevice,
) -> Result<bool, AdminError> {
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let confirmed = step_up::confirm(form.panel.services(), &by).await;
    Ok(form.checked(confirmed)?.is_some())
}

async fn invalid(form: &Form<Panel>) -> PageResult {
    let page = page(&form.panel, form.errors()).await?;
    form.panel.invalid(&page)
}

/// `POST /admin/account/second-factor/totp`. **Permissions**: administrators and auditors. 303, 409 (there is one), 422 (the
/// viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn begin(mut form: Form<Panel>, device: PresentedDevice) -> PageResult {
    if !confirmed(&mut form, device).await? {
        return invalid(&form).await;
    }
    let panel = &form.panel;
    enrolment::begin_totp(panel.services(), &panel.viewer().account).await?;
    panel.redirect(paths::TOTP)
}

/// `GET /admin/account/second-factor/totp`. **Permissions**: administrators and auditors. 200, 303 (none was begun).
pub(crate) async fn totp_form(panel: Panel) -> PageResult {
    match enrolment::shown_totp(panel.services(), &panel.viewer().account).await {
        Ok(totp) => panel.page(&TotpPage {
            l: panel.layout("account"),
            errors: FieldErrors::default(),
            totp,
        }),
        Err(Error::SecondFactorNotFound) => panel.redirect(paths::SECOND_FACTOR),
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/account/second-factor/totp/confirm`. **Permissions**: administrators and auditors. 200 (recovery codes, shown
/// once), 303, 422 (the code or the viewer's proof is wrong), 429.
pub(in crate::http) async fn confirm(mut form: Form<Panel>, device: PresentedDevice) -> PageResult {
    let code = form.required("code", OtpCode::parse);
    let is_confirmed = code.is_some() && confirmed(&mut form, device).await?;
    let mut added = None;
    if let Some(code) = code.filter(|_| is_confirmed) {
        let panel = &form.panel;
        let (services, actor) = (panel.services(), panel.actor());
        let result = enrolment::confirm_totp(services, &actor, &panel.viewer().account, code).await;
        if matches!(result, Err(Error::SecondFactorNotFound)) {
            return panel.redirect(paths::SECOND_FACTOR);
        }
        added = form.checked(result)?;
    }
    let Some(codes) = added else {
        let account = &form.panel.viewer().account;
        let totp = enrolment::shown_totp(form.panel.services(), account).await?;
        return form.panel.invalid(&TotpPage {
            l: form.panel.layout("account"),
            errors: form.errors(),
            totp,
        });
    };
    codes_page(&form.panel, codes)
}

pub(super) fn codes_page(panel: &Panel, codes: Vec<String>) -> PageResult {
    if codes.is_empty() {
        return panel.redirect_ok(paths::SECOND_FACTOR, panel.t("second_factor.added"));
    }
    panel.page(&CodesPage {
        l: panel.layout("account"),
        codes,
    })
}

/// `GET` of an address that is only for forms. **Permissions**: administrators and auditors. 303 to the second factor.
pub(crate) async fn to_factors(panel: Panel) -> PageResult {
    panel.redirect(paths::SECOND_FACTOR)
}

async fn find(panel: &Panel) -> Result<Factors, Error> {
    enrolment::find(panel.services(), panel.viewer().account.principal).await
}

/// The recovery codes that stop working; empty if there are none.
pub(super) fn ended_codes(l: &Layout, factors: &Factors) -> String {
    match factors.recovery_codes {
        0 => String::new(),
        codes => l.tr_count("second_factor.ends_codes", codes),
    }
}

/// The question before a change of the second factor.
fn question(panel: &Panel, action: &str, keys: [&str; 3]) -> OwnConfirmPage {
    let l = panel.layout("account");
    let back = (paths::SECOND_FACTOR.to_owned(), l.t("second_factor.title"));
    OwnConfirmPage {
        asks: true,
        ..OwnConfirmPage::new(
            panel,
            back,
            l.t("second_factor.app"),
            action.to_owned(),
            keys,
        )
    }
}

/// The question before the app is removed; `None` without one.
async fn removal_page(panel: &Panel, errors: FieldErrors) -> Result<Option<OwnConfirmPage>, Error> {
    let factors = find(panel).await?;
    if factors.totp.is_none() {
        return Ok(None);
    }
    // With a passkey the account keeps a second factor, and the codes.
    let (text, ends) = if factors.passkeys == 0 {
        let ends = ended_codes(&panel.layout("account"), &factors);
        ("second_factor.remove_text", ends)
    } else {
        ("second_factor.remove_kept_text", String::new())
    };
    let keys = ["second_factor.remove_title", text, "second_factor.remove"];
    Ok(Some(OwnConfirmPage {
        errors,
        ends,
        ..question(panel, paths::REMOVE_TOTP, keys)
    }))
}

/// The question before new recovery codes replace the old ones; `None` without a second factor.
async fn new_codes_page(
    panel: &Panel,
    errors: FieldErrors,
) -> Result<Option<OwnConfirmPage>, Error> {
    let factors = find(panel).await?;
    if factors.are_none() {
        return Ok(None);
    }
    let keys = [
        "second_factor.new_codes_title",
        "second_factor.new_codes_text",
        "second_factor.new_codes",
    ];
    Ok(Some(OwnConfirmPage {
        errors,
        ends: ended_codes(&panel.layout("account"), &factors),
        ..question(panel, paths::RECOVERY_CODES, keys)
    }))
}

/// `GET /admin/account/second-factor/totp/remove`. **Permissions**: administrators and auditors. 200, 303 (there is none).
pub(crate) async fn confirm_removal(panel: Panel) -> PageResult {
    match removal_page(&panel, FieldErrors::default()).await? {
        Some(page) => panel.page(&page),
        None => panel.redirect(paths::SECOND_FACTOR),
    }
}

/// `GET /admin/account/second-factor/recovery-codes`. **Permissions**: administrators and auditors. 200, 303 (there is no
/// second factor).
pub(crate) async fn confirm_new_codes(panel: Panel) -> PageResult {
    match new_codes_page(&panel, FieldErrors::default()).await? {
        Some(page) => panel.page(&page),
        None => panel.redirect(paths::SECOND_FACTOR),
    }
}

/// `POST /admin/account/second-factor/totp/remove`. **Permissions**: administrators and auditors. 303, 404 (there is none), 422
/// (the viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn remove(mut form: Form<Panel>, device: PresentedDevice) -> PageResult {
    if !confirmed(&mut form, device).await? {
        return match removal_page(&form.panel, form.errors()).await? {
            Some(page) => form.panel.invalid(&page),
            None => invalid(&form).await,
        };
    }
    let panel = &form.panel;
    let owner = panel.viewer().account.principal;
    enrolment::remove_totp(panel.services(), &panel.actor(), owner).await?;
    panel.redirect_ok(paths::SECOND_FACTOR, panel.t("second_factor.removed"))
}

/// `POST /admin/account/second-factor/recovery-codes`. **Permissions**: administrators and auditors. 200 (shown once), 404 (there
/// is no second factor), 422 (the viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn new_codes(
    mut form: Form<Panel>,
    device: PresentedDevice,
) -> PageResult {
    if !confirmed(&mut form, device).await? {
        return match new_codes_page(&form.panel, form.errors()).await? {
            Some(page) => form.panel.invalid(&page),
            None => invalid(&form).await,
        };
    }
    let panel = &form.panel;
    let (services, actor) = (panel.services(), panel.actor());
    let account = &panel.viewer().account;
    let codes = enrolment::new_recovery_codes(services, &actor, account).await?;
    codes_page(panel, codes)
}
