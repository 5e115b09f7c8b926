//! The verification of the audit chain: whether every audit event is unchanged.

use std::time::Duration;

use askama::Template;
use tokio::time::timeout;

use crate::clock::Timestamp;
use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::audit_chain::report::Violation;
use crate::services::audit_chain::state::{self, ChainState};
use crate::services::audit_chain::verification::{Outcome, Verification};

/// How long the response waits for a verification to finish.
const WAIT: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "admin/audit_chain/show.html")]
struct ShowPage {
    l: Layout,
    state: ChainState,
    /// Why events are not chained at present.
    error: Option<String>,
    verification: Option<VerificationView>,
}

/// The last verification.
struct VerificationView {
    at: Timestamp,
    is_running: bool,
    is_failed: bool,
    done: u64,
    total: u64,
    is_valid: bool,
    violations: Vec<Violation>,
    /// The number of violations that are not in `violations`.
    more: u64,
    /// The checkpoint; empty where there is none.
    checkpoint: String,
}

impl VerificationView {
    fn new(verification: &Verification) -> Self {
        let report = match &verification.outcome {
            Outcome::Finished(report) => Some(report),
            Outcome::Running | Outcome::Failed => None,
        };
        let violations = report.map_or_else(Vec::new, |report| report.violations.clone());
        let end = report.and_then(|report| report.checkpoint.as_ref());
        Self {
            at: verification.started_at,
            is_running: matches!(verification.outcome, Outcome::Running),
            is_failed: matches!(verification.outcome, Outcome::Failed),
            done: verification.verified.min(verification.events),
            total: verification.events,
            is_valid: report.is_some_and(|report| report.is_intact()),
            more: report.map_or(0, |report| report.violation_count) - violations.len() as u64,
            violations,
            checkpoint: end.map_or_else(String::new, ToString::to_string),
        }
    }
}

/// `GET /admin/audit/verification`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn show(panel: Panel) -> PageResult {
    let services = panel.services();
    let state = state::state(&services.store, &services.audit_chain).await?;
    let l = panel.layout("audit");
    let verification = services.last_verification.get();
    panel.page(&ShowPage {
        error: state
            .error
            .map(|error| l.word("chain_error", error.as_str())),
        state,
        verification: verification.as_ref().map(VerificationView::new),
        l,
    })
}

/// `POST /admin/audit/verification`: verifies every event, in the background. **Permissions**: administrators and auditors.
/// 303.
pub(crate) async fn verify(form: Form<Panel>) -> PageResult {
    let services = form.panel.services();
    let (last, now) = (&services.last_verification, services.clock.now());
    let started = last.start(&services.store, &services.audit_chain, now);
    if let Some(running) = started.await? {
        // A longer verification continues; the page shows its progress.
        let _ = timeout(WAIT, running).await;
    }
    form.panel.redirect(paths::AUDIT_CHAIN)
}
