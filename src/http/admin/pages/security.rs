//! The security checklist, computed for each request.

use askama::Template;

use crate::clock::Timestamp;
use crate::http::admin::paths;
use crate::http::admin::web::code_text::{Piece, pieces};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::checklist;
use crate::services::checklist::check::{Group, Level};
use crate::services::checklist::finding::Finding;

#[derive(Template)]
#[template(path = "admin/security/show.html")]
struct SecurityPage {
    l: Layout,
    at: Timestamp,
    problems: usize,
    advice: usize,
    passed: usize,
    /// What is to be fixed, problems first.
    open: Vec<CheckView>,
    /// The passed checks by group.
    groups: Vec<GroupView>,
}

impl SecurityPage {
    /// The kind of a count; none for zero.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass references"
    )]
    fn kind_if(count: &usize, kind: &'static str) -> &'static str {
        if *count > 0 { kind } else { "" }
    }
}

/// The passed checks of a group.
struct GroupView {
    id: &'static str,
    title: String,
    checks: Vec<CheckView>,
}

/// A check in the viewer's language.
struct CheckView {
    id: &'static str,
    /// The kind of badge and icon: `ok`, `warn`, `danger`.
    kind: &'static str,
    status: String,
    title: String,
    found: String,
    /// What to do; text in backticks is code.
    advice: Vec<Piece>,
    source: &'static str,
}

impl GroupView {
    /// None where no check of the group passed.
    fn new(l: &Layout, group: Group, findings: &[Finding]) -> Option<Self> {
        let passed = findings
            .iter()
            .filter(|finding| finding.check.group() == group && finding.level == Level::Ok);
        let checks: Vec<CheckView> = passed.map(|one| CheckView::new(l, one)).collect();
        (!checks.is_empty()).then(|| Self {
            id: group.as_str(),
            title: group.title(l.locale),
            checks,
        })
    }
}

impl CheckView {
    fn new(l: &Layout, finding: &Finding) -> Self {
        let advice = finding.advice.as_ref().map(|text| text.say(l.locale));
        Self {
            id: finding.check.as_str(),
            kind: match finding.level {
                Level::Ok => "ok",
                Level::Advice => "warn",
                Level::Problem => "danger",
            },
            status: l.word("security", finding.level.as_str()),
            title: finding.title(l.locale),
            found: finding.found.say(l.locale),
            advice: advice.as_deref().map(pieces).unwrap_or_default(),
            source: finding.check.source(),
        }
    }
}

/// `GET /admin/security`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn show(panel: Panel) -> PageResult {
    let checked = checklist::of_server(panel.services()).await;
    let l = panel.layout("security");
    let groups = Group::ALL
        .iter()
        .filter_map(|group| GroupView::new(&l, *group, &checked.findings));
    let mut open: Vec<&Finding> = checked
        .findings
        .iter()
        .filter(|finding| finding.level != Level::Ok)
        .collect();
    open.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let count = |level| checklist::count(&checked.findings, level);
    panel.page(&SecurityPage {
        at: checked.at,
        problems: count(Level::Problem),
        advice: count(Level::Advice),
        passed: count(Level::Ok),
        open: open.iter().map(|one| CheckView::new(&l, one)).collect(),
        groups: groups.collect(),
        l,
    })
}
