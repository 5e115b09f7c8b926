//! The security checklist, as the server computes it of itself.

use actix_web::web::{self, ServiceConfig};
use askama::Template;

use super::{Answer, layout::Layout, panel::Panel};
use crate::{
    clock::Timestamp,
    domain::{checklist::Group, language::Language},
    services::checklist::{self, Finding, Status},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/security")
            .route(web::get().to(show))
            .route(web::head().to(show)),
    );
}

#[derive(Template)]
#[template(path = "admin/security/show.html")]
struct SecurityPage {
    l: Layout,
    groups: Vec<GroupView>,
    problems: usize,
    advice: usize,
    at: Timestamp,
}

struct GroupView {
    title: String,
    id: &'static str,
    findings: Vec<FindingView>,
}

struct FindingView {
    id: &'static str,
    status: &'static str,
    /// The colour of its badge.
    kind: &'static str,
    status_text: String,
    title: String,
    found: String,
    /// Empty where there is nothing to do.
    advice: String,
    source: &'static str,
}

impl FindingView {
    fn new(l: &Layout, language: Language, finding: &Finding) -> Self {
        let status = finding.status.as_str();
        Self {
            id: finding.check.as_str(),
            status,
            kind: match finding.status {
                Status::Ok => "ok",
                Status::Advice => "warn",
                Status::Problem => "danger",
            },
            status_text: l.t(&format!("security.{status}")),
            title: finding.title(language),
            found: finding.found(language),
            advice: finding.advice(language).unwrap_or_default(),
            source: finding.check.source(),
        }
    }
}

/// `GET /admin/security`. **Permissions**: administrators and auditors. 200.
async fn show(panel: Panel) -> Answer {
    let findings = checklist::all(panel.services()).await;
    let (l, language) = (panel.layout("security"), panel.language());
    let count = |status| {
        let same = |finding: &&Finding| finding.status == status;
        findings.iter().filter(same).count()
    };
    let groups = Group::ALL.iter().map(|group| GroupView {
        title: checklist::group_title(*group, language),
        id: group.as_str(),
        findings: findings
            .iter()
            .filter(|finding| finding.check.group() == *group)
            .map(|finding| FindingView::new(&l, language, finding))
            .collect(),
    });
    panel.page(&SecurityPage {
        groups: groups.collect(),
        problems: count(Status::Problem),
        advice: count(Status::Advice),
        at: panel.now(),
        l,
    })
}
