//! Bulk actions on accounts of a list: a confirmation that shows which accounts are affected, then a background job.

use askama::Template;

use crate::domain::account::Account;
use crate::domain::job::BulkAction;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::http::admin::pages::jobs::finished_soon;
use crate::http::admin::pages::people::account::{requester, section};
use crate::http::admin::pages::people::cut_off::ends_of_accounts;
use crate::http::admin::pages::people::list;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::Population;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::filters::Chip;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::bulk::{self, Preview};
use crate::services::accounts::bulk_request::{Accounts, BulkRequest};
use crate::services::accounts::step_up;
use crate::services::maintenance::job_report::Report;
use crate::services::maintenance::jobs::Started;

/// `POST /admin/{users,clients}/actions`. **Permissions**: administrators. 200: the confirmation; 303: with `confirmed` to the
/// job, or back to the list where the job is already finished or there is nothing to do; 422 (the viewer's
/// proof is missing or wrong), 429.
pub(in crate::http) async fn start(
    mut form: Form<PanelAdmin>,
    population: Population,
    device: PresentedDevice,
) -> PageResult {
    let (panel, user_type) = (&form.panel, population.0);
    let mut query = ListQuery::new(&paths::people(user_type), form.text("query"));
    let back = query.url(&[], &[]);
    if form.text("action").is_empty() {
        return panel.redirect_warn(&back, panel.t("bulk.choose_first"));
    }
    let action = BulkAction::from_word(form.text("action")).ok_or(AdminError::Malformed)?;
    let (accounts, chips) = match chosen(&form, user_type, &mut query).await? {
        Ok(chosen) => chosen,
        Err(reason) => return panel.redirect_warn(&back, panel.t(reason)),
    };
    let request = BulkRequest {
        user_type,
        action,
        accounts,
    };
    let preview = bulk::preview(panel.services(), &panel.actor(), &request).await?;
    if preview.touched == 0 {
        let text = nothing_to_do(panel, action, &preview);
        return panel.redirect_warn(&back, text);
    }
    if form.text("confirmed") != "1" {
        return panel.page(&page(panel, request, &query, chips, preview, back));
    }
    if needs_number(action, preview.touched) {
        let touched = preview.touched;
        form.required("number", |typed| confirmed_number(typed, touched));
        if form.has_problems() {
            let page = BulkPage {
                errors: form.errors(),
                ..page(&form.panel, request, &query, chips, preview, back)
            };
            return form.panel.invalid(&page);
        }
    }
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let started = step_up::start_bulk(form.panel.services(), &by, request.clone()).await;
    let Some(started) = form.checked(started)? else {
        let page = BulkPage {
            errors: form.errors(),
            ..page(&form.panel, request, &query, chips, preview, back)
        };
        return form.panel.invalid(&page);
    };
    after_start(&form.panel, action, started, &back).await
}

/// From this number of accounts on, a change that cuts them off must be confirmed by typing the number.
const TYPED_FROM: u64 = 50;

fn cuts_off(action: BulkAction) -> bool {
    matches!(
        action,
        BulkAction::Delete | BulkAction::Deactivate | BulkAction::EndSessions
    )
}

fn needs_number(action: BulkAction, accounts: u64) -> bool {
    cuts_off(action) && accounts >= TYPED_FROM
}

/// The typed number, with or without separators, if it is that of the accounts.
fn confirmed_number(typed: &str, accounts: u64) -> Result<(), Problem> {
    let digits: String = typed
        .chars()
        .filter(|c| !matches!(c, ',' | '.' | ' '))
        .collect();
    if digits.parse() == Ok(accounts) {
        Ok(())
    } else {
        Err(Problem::OtherNumber)
    }
}

/// Accounts and the active filters (none for selected accounts), or the key of a message why there are none.
type Chosen = Result<(Accounts, Vec<Chip>), &'static str>;

/// The selected accounts, or all that match the list's filter.
async fn chosen(
    form: &Form<PanelAdmin>,
    user_type: UserType,
    query: &mut ListQuery,
) -> Result<Chosen, AdminError> {
    match form.text("scope") {
        "all" => matching(form, user_type, query).await,
        _ => selected(form),
    }
}

/// The selected accounts.
fn selected(form: &Form<PanelAdmin>) -> Result<Chosen, AdminError> {
    let mut ids = Vec::new();
    for digits in form.all("selected") {
        ids.push(UserSeq::from_digits(digits).ok_or(AdminError::Malformed)?);
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Err("bulk.none_selected"));
    }
    Ok(Ok((Accounts::Selected(ids), Vec::new())))
}

/// All accounts that match the list's filter; none where the filter is invalid, because without it more accounts would
/// match than intended.
async fn matching(
    form: &Form<PanelAdmin>,
    user_type: UserType,
    query: &mut ListQuery,
) -> Result<Chosen, AdminError> {
    let panel = &form.panel;
    let filter = list::filter(user_type, query, panel);
    if !query.problems(panel.language()).are_none() {
        return Ok(Err("bulk.invalid_filter"));
    }
    let up_to = match form.text("up_to") {
        "" => bulk::greatest(panel.services(), user_type).await?,
        digits => UserSeq::from_digits(digits)
            .ok_or(AdminError::Malformed)?
            .get(),
    };
    let chips = list::chips(&panel.layout(section(user_type)), query, &filter);
    let accounts = Accounts::Filtered {
        filter: Box::new(filter),
        query: query.query_string(),
        up_to,
    };
    Ok(Ok((accounts, chips)))
}

/// Why no account is affected.
fn nothing_to_do(panel: &Panel, action: BulkAction, preview: &Preview) -> String {
    if preview.is_last_administrator {
        panel.t("bulk.only_last_administrator")
    } else if preview.leaves_self_out {
        panel.t("bulk.only_self")
    } else if preview.already > 0 {
        panel.t(&format!("bulk_already.all_{action}"))
    } else {
        panel.t("bulk.none_left")
    }
}

#[derive(Template)]
#[template(path = "admin/people/bulk.html")]
struct BulkPage {
    l: Layout,
    action_path: String,
    section: String,
    back: String,
    title: String,
    text: String,
    /// What ends; empty where nothing can.
    ends: String,
    button: String,
    is_destructive: bool,
    /// The number that must be typed.
    number: Option<u64>,
    action: BulkAction,
    errors: FieldErrors,
    /// The selected accounts; empty where all matching accounts are affected.
    selected: Vec<i64>,
    query: String,
    up_to: Option<i64>,
    chips: Vec<Chip>,
    /// Sentences about excluded accounts.
    excluded: Vec<String>,
    first: Vec<Account>,
    /// The number of affected accounts that are not in `first`.
    more: u64,
    affected: u64,
}

/// The confirmation.
fn page(
    panel: &Panel,
    request: BulkRequest,
    query: &ListQuery,
    chips: Vec<Chip>,
    preview: Preview,
    back: String,
) -> BulkPage {
    let BulkRequest {
        user_type,
        action,
        accounts,
    } = request;
    let l = panel.layout(section(user_type));
    let (selected, query, up_to) = match accounts {
        // The query leads back to the list.
        Accounts::Selected(ids) => {
            let ids = ids.iter().map(|id| id.get()).collect();
            (ids, query.query_string(), None)
        }
        Accounts::Filtered { query, up_to, .. } => (Vec::new(), query, Some(up_to)),
    };
    BulkPage {
        action_path: paths::people(user_type).actions(),
        section: l.t(&format!("nav.{}", section(user_type))),
        back,
        title: l.tr_count(&format!("bulk_ask.{action}_{user_type}"), preview.touched),
        text: l.t(&format!("bulk_text.{action}_{user_type}")),
        ends: if cuts_off(action) {
            ends_of_accounts(&l, preview.ending.sessions, preview.ending.accounts)
        } else {
            String::new()
        },
        button: l.tr_count(&format!("bulk_go.{action}"), preview.touched),
        is_destructive: cuts_off(action),
        number: needs_number(action, preview.touched).then_some(preview.touched),
        action,
        errors: FieldErrors::default(),
        selected,
        query,
        up_to,
        chips,
        excluded: excluded(&l, action, &preview),
        more: preview.unnamed(),
        first: preview.first,
        affected: preview.touched,
        l,
    }
}

fn excluded(l: &Layout, action: BulkAction, preview: &Preview) -> Vec<String> {
    let mut sentences = Vec::new();
    if preview.is_last_administrator {
        sentences.push(l.t("bulk.last_administrator"));
    } else if preview.leaves_self_out && action == BulkAction::EndSessions {
        sentences.push(l.t("bulk.own_sessions"));
    } else if preview.leaves_self_out {
        sentences.push(l.t("bulk.own_account"));
    }
    if preview.already > 0 {
        sentences.push(l.tr_count(&format!("bulk_already.{action}"), preview.already));
    }
    if preview.gone > 0 {
        sentences.push(l.tr_count("bulk.gone", preview.gone));
    }
    sentences
}

/// To the job, or back to the list where it is already finished.
async fn after_start(
    panel: &Panel,
    action: BulkAction,
    started: Started,
    back: &str,
) -> PageResult {
    let job = paths::job(&started.job);
    let Some(done) = finished_soon(panel, started).await? else {
        return panel.redirect(&job);
    };
    match done.report {
        // A report with more than a count is shown on the job's page.
        Some(Report::Bulk(report))
            if report.gone == 0 && report.skipped_last_administrator.is_none() =>
        {
            let text = panel.tr_count(&format!("bulk_done.{action}"), report.changed);
            panel.redirect_ok(back, text)
        }
        _ => panel.redirect(&job),
    }
}
