//! The inspector: a token is pasted, and its page says what stands in it and whether the API would accept it now. It comes
//! by POST and goes nowhere: not into an address, the log, the record or the database.

use actix_web::web::{self, ServiceConfig};
use askama::Template;
use rust_i18n::t;

use super::{
    Answer,
    claims::{Claim, fields, tame},
    form::{FieldErrors, Form},
    layout::Layout,
    owners::OwnerView,
    panel::Panel,
};
use crate::{
    clock::Timestamp,
    domain::problem::Problem,
    services::inspector::{self, Findings, Verdict},
    tokens::{Fault, MAX_LENGTH},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/inspector")
            .route(web::get().to(form))
            .route(web::head().to(form))
            .route(web::post().to(inspect)),
    );
}

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
    /// The token's page, where it is a refresh token that is booked.
    href: Option<String>,
}

/// `GET /admin/inspector`. **Permissions**: administrators and auditors. 200.
async fn form(panel: Panel) -> Answer {
    panel.page(&InspectorPage {
        l: panel.layout("inspector"),
        errors: FieldErrors::default(),
        pasted: String::new(),
        result: None,
    })
}

/// `POST /admin/inspector`. **Permissions**: administrators and auditors: nothing is changed. 200, 422.
async fn inspect(mut form: Form<Panel>) -> Answer {
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
        return form.panel.refused(&page);
    };
    let findings = inspector::inspect(form.panel.services(), &token).await?;
    page.result = Some(ResultView::new(&page.l, findings));
    form.panel.page(&page)
}

/// The token in what was pasted: the header field's scheme is taken off.
fn token_in(pasted: &str) -> &str {
    let pasted = pasted.trim();
    match pasted.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => pasted,
    }
}

impl ResultView {
    fn new(l: &Layout, findings: Findings) -> Self {
        Self {
            is_accepted: findings.verdict.is_accepted(),
            sentence: sentence(l, &findings.verdict),
            header: fields(findings.header.unwrap_or_default()),
            claims: fields(findings.claims.unwrap_or_default()),
            owner: findings.owner.map(|owner| OwnerView::new(l, &owner)),
            href: findings.booked.map(|jti| format!("/admin/tokens/{jti}")),
        }
    }
}

/// The verdict in one sentence.
fn sentence(l: &Layout, verdict: &Verdict) -> String {
    let exact = |at: &Timestamp| l.time(at).exact;
    match verdict {
        Verdict::Accepted(token_type) => {
            l.t(&format!("inspector.accepted_{}", token_type.as_str()))
        }
        Verdict::Faulty(fault) => of_fault(l, fault),
        Verdict::NoAccount => l.t("inspector.no_account"),
        Verdict::Inactive => l.t("inspector.inactive"),
        Verdict::Blacklisted(at, reason) => t!(
            "admin.inspector.blacklisted",
            locale = l.language,
            at = exact(at),
            reason = l.t(&format!("reason.{reason}"))
        )
        .into_owned(),
        Verdict::Repeatable(at, until) => t!(
            "admin.inspector.repeatable",
            locale = l.language,
            at = exact(at),
            until = exact(until)
        )
        .into_owned(),
        Verdict::SessionEnded(at, reason) => t!(
            "admin.inspector.session_ended",
            locale = l.language,
            at = exact(at),
            reason = l.t(&format!("reason.{reason}"))
        )
        .into_owned(),
        Verdict::SessionOver(at) => l.t1("inspector.session_over", exact(at)),
        Verdict::NoSession => l.t("inspector.no_session"),
    }
}

fn of_fault(l: &Layout, fault: &Fault) -> String {
    // Somebody else may have written it: not more than a name of it is repeated.
    let name = |text: &str| tame(&text.chars().take(40).collect::<String>());
    match fault {
        Fault::TooLong => l.t("inspector.too_long"),
        Fault::Parts(n) => l.tn("inspector.parts", n),
        Fault::Header => l.t("inspector.header"),
        Fault::Claims => l.t("inspector.claims"),
        Fault::Algorithm(algorithm) => l.t1("inspector.algorithm", name(algorithm)),
        Fault::Signature => l.t("inspector.signature"),
        Fault::Unsupported(field) => l.t1("inspector.unsupported", field),
        Fault::Key => l.t("inspector.key"),
        Fault::Claim(claim) => l.t1("inspector.claim", name(claim)),
        Fault::Type => l.t1("inspector.claim", "token_type"),
        Fault::Subject => l.t("inspector.subject"),
        Fault::Issuer => l.t("inspector.issuer"),
        Fault::Audience => l.t("inspector.audience"),
        Fault::NoPrincipal => l.t("inspector.no_principal"),
        Fault::UnknownUserType => l.t("inspector.unknown_user_type"),
        Fault::NotYetValid(at) => l.t1("inspector.not_yet_valid", l.time(at).exact),
        Fault::Expired(at) => l.t1("inspector.expired", l.time(at).exact),
    }
}
