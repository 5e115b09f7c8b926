//! Ending many sessions of the list: a confirmation with the numbers, then a background job.

use askama::Template;
use rust_i18n::t;

use crate::clock::Timestamp;
use crate::domain::problem::Problem;
use crate::domain::session::SessionId;
use crate::http::admin::pages::jobs::finished_soon;
use crate::http::admin::pages::people::account::requester;
use crate::http::admin::pages::sessions::{SessionView, session_chips, session_query};
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::filters::Chip;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::step_up;
use crate::services::auth::session_bulk::{self, Chosen, Preview};
use crate::services::maintenance::job_report::Report;
use crate::services::maintenance::jobs::Started;

/// From how many sessions on their number must be typed.
const TYPED_FROM: u64 = 50;

#[derive(Template)]
#[template(path = "admin/sessions/bulk.html")]
struct BulkPage {
    l: Layout,
    back: String,
    title: String,
    button: String,
    /// The number to type; none where there are few sessions.
    number: Option<u64>,
    errors: FieldErrors,
    /// The selected sessions; empty where all matching sessions are ended.
    selected: Vec<SessionId>,
    query: String,
    /// In microseconds; sessions that begin later are not ended.
    begun_before: Option<i64>,
    chips: Vec<Chip>,
    sessions: u64,
    first: Vec<SessionView>,
    /// The number of sessions that are not in `first`.
    more: u64,
}

/// `POST /admin/sessions/end`. **Permissions**: administrators. 200: the confirmation; 303: with `confirmed` to the job, or
/// back to the list where the job is already finished or there is nothing to do; 422 (the typed number is another one, or the
/// viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn start(
    mut form: Form<PanelAdmin>,
    device: PresentedDevice,
) -> PageResult {
    let mut query = ListQuery::new(paths::SESSIONS, form.text("query"));
    let back = query.address();
    let (chosen, chips) = match chosen(&form, &mut query)? {
        Ok(chosen) => chosen,
        Err(reason) => return form.panel.redirect_warn(&back, form.panel.t(reason)),
    };
    let preview = session_bulk::preview(form.panel.services(), &chosen).await?;
    if preview.sessions == 0 {
        let text = form.panel.t("sessions.none_left");
        return form.panel.redirect_warn(&back, text);
    }
    if form.text("confirmed") != "1" {
        return form
            .panel
            .page(&page(&form.panel, &chosen, &query, chips, &preview));
    }
    // The number that the page showed: sessions may have ended meanwhile.
    let shown = form.text("count").parse().unwrap_or(preview.sessions);
    if shown.max(preview.sessions) >= TYPED_FROM {
        let typed = form.text("number").replace([',', ' '], "");
        if typed.parse() != Ok(shown) {
            form.problem("number", Problem::OtherNumber);
            let page = BulkPage {
                errors: form.errors(),
                ..page(&form.panel, &chosen, &query, chips, &preview)
            };
            return form.panel.invalid(&page);
        }
    }
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let confirmed = step_up::confirm(form.panel.services(), &by).await;
    if form.checked(confirmed)?.is_none() {
        let page = BulkPage {
            errors: form.errors(),
            ..page(&form.panel, &chosen, &query, chips, &preview)
        };
        return form.panel.invalid(&page);
    }
    let panel = &form.panel;
    let started = session_bulk::start(panel.services(), &panel.actor(), chosen).await?;
    after_start(panel, started, &back).await
}

/// The sessions and the active filters (none for selected sessions), or the key of a message why there are none.
type ChosenAndChips = Result<(Chosen, Vec<Chip>), &'static str>;

fn chosen(form: &Form<PanelAdmin>, query: &mut ListQuery) -> Result<ChosenAndChips, AdminError> {
    let panel = &form.panel;
    if form.text("scope") != "all" {
        let ids = form.all("selected").into_iter().map(SessionId::parse);
        let ids: Option<Vec<SessionId>> = ids.collect();
        let ids = ids.ok_or(AdminError::Malformed)?;
        return Ok(if ids.is_empty() {
            Err("sessions.none_selected")
        } else {
            Ok((Chosen::Selected(ids), Vec::new()))
        });
    }
    let sessions = session_query(query, panel);
    // Without an invalid filter more sessions would match than intended.
    if !query.problems(panel.language()).are_none() {
        return Ok(Err("bulk.invalid_filter"));
    }
    let begun_before = match form.text("begun_before") {
        "" => panel.now(),
        digits => Timestamp::from_unix_micros(digits.parse().map_err(|_| AdminError::Malformed)?),
    };
    let chips = session_chips(&panel.layout("sessions"), query);
    let chosen = Chosen::Matching {
        query: Box::new(sessions),
        text: query.query_string(),
        begun_before: begun_before.min(panel.now()),
    };
    Ok(Ok((chosen, chips)))
}

/// The confirmation.
fn page(
    panel: &Panel,
    chosen: &Chosen,
    query: &ListQuery,
    chips: Vec<Chip>,
    preview: &Preview,
) -> BulkPage {
    let l = panel.layout("sessions");
    let (selected, begun_before) = match chosen {
        Chosen::Selected(ids) => (ids.clone(), None),
        Chosen::Matching { begun_before, .. } => (Vec::new(), Some(begun_before.unix_micros())),
    };
    let sessions = l.tr_count("sessions.count", preview.sessions);
    let accounts = l.tr_count("sessions.of_accounts", preview.accounts);
    let first = preview.first.iter().map(|row| SessionView::new(&l, row));
    BulkPage {
        back: query.address(),
        title: t!(
            "admin.sessions.ask",
            locale = l.language,
            sessions = sessions,
            accounts = accounts
        )
        .into_owned(),
        button: l.tr_with("sessions.go", sessions),
        number: Some(preview.sessions).filter(|number| *number >= TYPED_FROM),
        errors: FieldErrors::default(),
        selected,
        query: query.query_string(),
        begun_before,
        chips,
        sessions: preview.sessions,
        more: preview.sessions.saturating_sub(preview.first.len() as u64),
        first: first.collect(),
        l,
    }
}

/// To the job, or back to the list where it is already finished.
async fn after_start(panel: &Panel, started: Started, back: &str) -> PageResult {
    let job = paths::job(&started.job);
    let Some(done) = finished_soon(panel, started).await? else {
        return panel.redirect(&job);
    };
    match done.report {
        Some(Report::Sessions(report)) => {
            panel.redirect_ok(back, panel.tr_count("sessions.done", report.ended))
        }
        _ => panel.redirect(&job),
    }
}
