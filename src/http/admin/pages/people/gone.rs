//! The page of an account that does not exist, or not any more: when and by whom it was deleted, as far as the audit log has
//! it, and what was typed into a form for it.

use actix_web::{
    Error as ActixError, FromRequest, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
};
use askama::Template;

use crate::domain::audit::Action;
use crate::domain::principal::Principal;
use crate::http::admin::pages::people::account::{fields, section};
use crate::http::admin::paths;
use crate::http::admin::person_paths::PeoplePath;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin, panel_of};
use crate::services::Error;
use crate::services::audit::events;
use crate::store::audit_history::Newest;

#[derive(Template)]
#[template(path = "admin/people/gone.html")]
struct GonePage {
    l: Layout,
    title: String,
    list: PeoplePath,
    list_name: String,
    /// The name at that time; empty where the account never existed.
    name: String,
    /// Its deletion.
    deletion: Option<EventView>,
    /// Labels and values that were typed into the form.
    typed: Vec<(String, String)>,
}

/// Middleware of the panel: the page of an account that was not found says what became of it.
pub(crate) async fn page_of_deleted(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error();
    let is_gone = error
        .and_then(ActixError::as_error)
        .is_some_and(is_not_found);
    if !is_gone {
        return Ok(response);
    }
    let request = response.request().clone();
    let Some((panel, account)) = viewer_and_account(&request).await else {
        return Ok(response);
    };
    Ok(match page(&panel, account, Vec::new()).await {
        Ok(page) => response.into_response(page),
        Err(error) => response.error_response(error),
    })
}

async fn viewer_and_account(request: &HttpRequest) -> Option<(Panel, Principal)> {
    let AccountPath(account) = AccountPath::from_request(request, &mut Payload::None)
        .await
        .ok()?;
    Some((panel_of(request)?, account))
}

fn is_not_found(error: &AdminError) -> bool {
    matches!(error, AdminError::Service(Error::AccountNotFound(_)))
}

/// The page after a form for an account that is not found, with what was typed; other errors are returned. 404.
pub(crate) async fn after_form(
    form: &Form<PanelAdmin>,
    account: Principal,
    error: AdminError,
) -> PageResult {
    if !is_not_found(&error) {
        return Err(error);
    }
    let l = form.panel.layout("");
    let fields = fields(account.user_type).iter();
    let typed = fields.map(|field| {
        (
            l.word("field", field.name),
            form.text(field.name).to_owned(),
        )
    });
    let typed = typed.filter(|(_, value)| !value.is_empty()).collect();
    page(&form.panel, account, typed).await
}

async fn page(panel: &Panel, account: Principal, typed: Vec<(String, String)>) -> PageResult {
    let wanted = Newest {
        subject: Some(account),
        actions: vec![Action::AccountDeleted],
        ..Newest::default()
    };
    let found = events::newest(panel.services(), wanted, 1).await?;
    let l = panel.layout(section(account.user_type));
    let event = found.first();
    let name = event.and_then(|event| event.subject_name.clone());
    let page = GonePage {
        title: l.t(if event.is_some() {
            "gone.deleted"
        } else {
            "gone.title"
        }),
        list: paths::people(account.user_type),
        list_name: l.t(&format!("nav.{}", section(account.user_type))),
        name: name.unwrap_or_default(),
        deletion: event.map(|event| EventView::new(&l, event)),
        typed,
        l,
    };
    panel.page_with(StatusCode::NOT_FOUND, &page)
}
