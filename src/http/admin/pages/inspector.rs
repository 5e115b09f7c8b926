//! The inspector: the contents of a pasted token, and whether the API would accept it now. The token is sent by POST and never
//! stored or logged.

use askama::Template;
use rust_i18n::t;

use crate::clock::Timestamp;
use crate::domain::problem::Problem;
use crate::domain::session::RevocationReason;
use crate::http::admin::paths;
use crate::http::admin::web::claims::{Claim, fields, sanitize};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::owners::OwnerView;
use crate::http::admin::web::panel::Panel;
use crate::services::tokens::inspector::{self, Acceptance, Inspection, OfDjango};
use crate::tokens::{MAX_LENGTH, TokenDefect};

#[derive(Template)]
#[template(path = "admin/inspector/form.html")]
struct InspectorPage {
    l: Layout,
    errors: FieldErrors,
    pasted: String,
    result: Option<ResultView>,
}

struct ResultView {
    is_accepted: bool,
    sentence: String,
    header: Vec<Claim>,
    claims: Vec<Claim>,
    owner: Option<OwnerView>,
    /// The token's page, for a stored refresh token.
    href: Option<String>,
}

/// `GET /admin/inspector`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn new_form(panel: Panel) -> PageResult {
    panel.page(&InspectorPage {
        l: panel.layout("inspector"),
        errors: FieldErrors::default(),
        pasted: String::new(),
        result: None,
    })
}

/// `POST /admin/inspector`. **Permissions**: administrators and auditors. 200, 422.
pub(crate) async fn inspect(mut form: Form<Panel>) -> PageResult {
    let token = form.required("token", |pasted| match token_in(pasted) {
        "" => Err(Problem::Required),
        token if token.len() > MAX_LENGTH => Err(Problem::TooLong { max: MAX_LENGTH }),
        token => Ok(token.to_owned()),
    });
    let mut page = InspectorPage {
        l: form.panel.layout("inspector"),
        errors: form.errors(),
        pasted: form.text("token").to_owned(),
        result: None,
    };
    let Some(token) = token else {
        return form.panel.invalid(&page);
    };
    let findings = inspector::inspect(form.panel.services(), &token).await?;
    page.result = Some(ResultView::new(&page.l, findings));
    form.panel.page(&page)
}

/// The pasted token, without the `Bearer` scheme of a header field.
fn token_in(pasted: &str) -> &str {
    let pasted = pasted.trim();
    match pasted.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => pasted,
    }
}

impl ResultView {
    fn new(l: &Layout, findings: Inspection) -> Self {
        Self {
            is_accepted: findings.acceptance.is_accepted(),
            sentence: sentence(l, &findings.acceptance),
            header: fields(findings.header.unwrap_or_default()),
            claims: fields(findings.claims.unwrap_or_default()),
            owner: findings.owner.map(|owner| OwnerView::new(l, &owner)),
            href: findings.outstanding.map(paths::token),
        }
    }
}

/// The result in one sentence.
fn sentence(l: &Layout, acceptance: &Acceptance) -> String {
    let exact = |at: &Timestamp| l.time(at).exact;
    let with_reason = |key: &str, at: &Timestamp, reason: &RevocationReason| {
        let reason = l.word("reason", reason);
        t!(key, locale = l.language, at = exact(at), reason = reason).into_owned()
    };
    match acceptance {
        Acceptance::Accepted(token_type) => {
            l.t(&format!("inspector.accepted_{}", token_type.as_str()))
        }
        Acceptance::Invalid(defect) => defect_text(l, defect),
        Acceptance::NoAccount => l.t("inspector.no_account"),
        Acceptance::Inactive => l.t("inspector.inactive"),
        Acceptance::Blacklisted(at, reason) => {
            with_reason("admin.inspector.blacklisted", at, reason)
        }
        Acceptance::InGracePeriod(at, until) => t!(
            "admin.inspector.repeatable",
            locale = l.language,
            at = exact(at),
            until = exact(until)
        )
        .into_owned(),
        Acceptance::AnswerLost(at) => l.tr_with("inspector.answer_lost", exact(at)),
        Acceptance::SessionEnded(at, reason) => {
            with_reason("admin.inspector.session_ended", at, reason)
        }
        Acceptance::SessionOver(at) => l.tr_with("inspector.session_over", exact(at)),
        Acceptance::NoSession => l.t("inspector.no_session"),
        Acceptance::OfService(true) => l.t("inspector.accepted_of_service"),
        Acceptance::OfService(false) => l.t("inspector.of_service"),
        Acceptance::OfDjango(state) => l.t(match state {
            OfDjango::Accepted => "inspector.django_accepted",
            OfDjango::Exchangeable => "inspector.django_exchangeable",
            OfDjango::Exchanged => "inspector.django_exchanged",
            OfDjango::Blacklisted => "inspector.django_blacklisted",
            OfDjango::NotAccepted => "inspector.django_not_accepted",
        }),
    }
}

fn defect_text(l: &Layout, defect: &TokenDefect) -> String {
    // Untrusted text: at most a short name of it is shown.
    let name = |text: &str| sanitize(&text.chars().take(40).collect::<String>());
    match defect {
        TokenDefect::TooLong => l.t("inspector.too_long"),
        TokenDefect::Parts(n) => l.tr_count("inspector.parts", n),
        TokenDefect::Header => l.t("inspector.header"),
        TokenDefect::Claims => l.t("inspector.claims"),
        TokenDefect::Algorithm(algorithm) => l.tr_with("inspector.algorithm", name(algorithm)),
        TokenDefect::Signature => l.t("inspector.signature"),
        TokenDefect::Unsupported(field) => l.tr_with("inspector.unsupported", field),
        TokenDefect::Key => l.t("inspector.key"),
        TokenDefect::Claim(claim) => l.tr_with("inspector.claim", name(claim)),
        TokenDefect::Type => l.tr_with("inspector.claim", "token_type"),
        TokenDefect::Subject => l.t("inspector.subject"),
        TokenDefect::Issuer => l.t("inspector.issuer"),
        TokenDefect::Audience => l.t("inspector.audience"),
        TokenDefect::NoPrincipal => l.t("inspector.no_principal"),
        TokenDefect::UnknownUserType => l.t("inspector.unknown_user_type"),
        TokenDefect::OfService | TokenDefect::OfAccount => l.t("inspector.of_service"),
        TokenDefect::NotYetValid(at) => l.tr_with("inspector.not_yet_valid", l.time(at).exact),
        TokenDefect::Expired(at) => l.tr_with("inspector.expired", l.time(at).exact),
    }
}
