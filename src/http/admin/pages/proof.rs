//! The proof of the record: whether every event is as it was written, and where not.

use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use askama::Template;
use tokio::time::timeout;

use crate::{
    clock::Timestamp,
    http::admin::web::{error::PageResult, form::Form, layout::Layout, panel::Panel},
    services::audit_chain::{
        report::Violation,
        state::{self, ChainState},
        verification::{Outcome, Verification},
    },
};

/// How long the answer waits for a look that may be a matter of a moment.
const PATIENCE: Duration = Duration::from_secs(2);
const PATH: &str = "/admin/audit/proof";

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/audit/proof")
            .route(web::get().to(show))
            .route(web::head().to(show))
            .route(web::post().to(start)),
    );
}

#[derive(Template)]
#[template(path = "admin/audit/proof.html")]
struct ProofPage {
    l: Layout,
    state: ChainState,
    trouble: Option<String>,
    proof: Option<ProofView>,
}

/// The last look, in the viewer's words.
struct ProofView {
    at: Timestamp,
    is_running: bool,
    is_failed: bool,
    /// How far it is.
    done: u64,
    of: u64,
    holds: bool,
    breaks: Vec<BreakView>,
    /// Further places that are not told.
    more: u64,
    /// The end of the chain; empty where there is none.
    end: String,
}

struct BreakView {
    what: String,
    event: Option<i64>,
    at: Option<Timestamp>,
    events: i64,
}

impl BreakView {
    fn new(l: &Layout, found: &Violation) -> Self {
        Self {
            what: l.t(&format!("proof.{}", found.kind.as_str())),
            event: found.event,
            at: found.happened_at,
            events: found.events,
        }
    }
}

impl ProofView {
    fn new(l: &Layout, proof: &Verification) -> Self {
        let verdict = match &proof.outcome {
            Outcome::Finished(verdict) => Some(verdict),
            Outcome::Running | Outcome::Failed => None,
        };
        let breaks: Vec<BreakView> = verdict.map_or_else(Vec::new, |verdict| {
            let places = verdict.violations.iter();
            places.map(|found| BreakView::new(l, found)).collect()
        });
        let end = verdict.and_then(|verdict| verdict.checkpoint.as_ref());
        Self {
            at: proof.started_at,
            is_running: matches!(proof.outcome, Outcome::Running),
            is_failed: matches!(proof.outcome, Outcome::Failed),
            done: proof.verified.min(proof.events),
            of: proof.events,
            holds: verdict.is_some_and(|verdict| verdict.is_intact()),
            more: verdict.map_or(0, |verdict| verdict.violation_count) - breaks.len() as u64,
            breaks,
            end: end.map_or_else(String::new, ToString::to_string),
        }
    }
}

/// `GET /admin/audit/proof`. **Permissions**: administrators and auditors. 200.
async fn show(panel: Panel) -> PageResult {
    let services = panel.services();
    let state = state::state(&services.store, &services.audit_chain).await?;
    let l = panel.layout("audit");
    panel.page(&ProofPage {
        trouble: state
            .error
            .map(|trouble| l.t(&format!("proof.trouble_{}", trouble.as_str()))),
        state,
        proof: services
            .last_verification
            .get()
            .map(|proof| ProofView::new(&l, &proof)),
        l,
    })
}

/// `POST /admin/audit/proof`: looks at every event, in the background. **Permissions**: administrators and auditors. 303.
async fn start(form: Form<Panel>) -> PageResult {
    let services = form.panel.services();
    let (last, now) = (&services.last_verification, services.clock.now());
    let started = last.start(&services.store, &services.audit_chain, now);
    if let Some(running) = started.await? {
        // Where it takes longer the page tells how far it is.
        let _ = timeout(PATIENCE, running).await;
    }
    form.panel.redirect(PATH)
}
