//! The security checklist, computed for each request.

use askama::Template;

use crate::clock::Timestamp;
use crate::domain::account::Email;
use crate::http::admin::paths;
use crate::http::admin::web::code_text::{Piece, pieces};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::checklist;
use crate::services::checklist::check::{Group, Level};
use crate::services::checklist::finding::Finding;
use crate::services::test_mail;

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
    /// The mail server; empty if none is configured.
    mail_server: String,
    /// Where a test mail is sent to.
    mail_to: String,
    errors: FieldErrors,
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
    let own = panel.viewer().account.email.clone().unwrap_or_default();
    panel.page(&page(&panel, own, FieldErrors::default()).await)
}

/// `POST /admin/security/test-mail`. **Permissions**: administrators. 303, 404 (no mail server is configured), 422, 429 (more
/// than ten within an hour).
pub(crate) async fn send_test_mail(mut form: Form<PanelAdmin>) -> PageResult {
    if !form.panel.services().delivery.sends_mail() {
        return Err(AdminError::NotFound);
    }
    let Some(to) = form.required("to", Email::parse) else {
        let to = form.text("to").to_owned();
        return form
            .panel
            .invalid(&page(&form.panel, to, form.errors()).await);
    };
    let (panel, address) = (&form.panel, to.as_typed());
    let sent = test_mail::send(panel.services(), &panel.actor(), &to, panel.language()).await?;
    match sent {
        Ok(answer) => {
            let text = panel.tr_with("security.mail_accepted", address);
            panel.redirect_ok(paths::SECURITY, format!("{text} {answer}"))
        }
        Err(reason) => {
            let text = panel.tr_with("security.mail_refused", address);
            panel.redirect_warn(paths::SECURITY, format!("{text} {reason}"))
        }
    }
}

/// The mail server, as host and port; empty if none is configured.
fn mail_server(panel: &Panel) -> String {
    let smtp = &panel.services().config.smtp;
    match &smtp.host {
        Some(host) if panel.services().delivery.sends_mail() => {
            format!("{host}:{}", smtp.effective_port())
        }
        _ => String::new(),
    }
}

async fn page(panel: &Panel, mail_to: String, errors: FieldErrors) -> SecurityPage {
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
    SecurityPage {
        mail_server: mail_server(panel),
        mail_to,
        errors,
        at: checked.at,
        problems: count(Level::Problem),
        advice: count(Level::Advice),
        passed: count(Level::Ok),
        open: open.iter().map(|one| CheckView::new(&l, one)).collect(),
        groups: groups.collect(),
        l,
    }
}
