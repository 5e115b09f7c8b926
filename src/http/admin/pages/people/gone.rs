//! The page of an account that does not exist, or not any more: who deleted it, as far as the audit log has it.

use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::audit::Action;
use crate::domain::principal::Principal;
use crate::http::admin::pages::people::account::section;
use crate::http::admin::paths;
use crate::http::admin::person_paths::PeoplePath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::Error;
use crate::services::audit::events;
use crate::store::audit_history::Newest;

#[derive(Template)]
#[template(path = "admin/people/gone.html")]
struct GonePage {
    l: Layout,
    list: PeoplePath,
    list_name: String,
    /// The name at that time; empty where the account never existed.
    name: String,
    /// Its deletion.
    deletion: Option<EventView>,
}

/// The page for an error that an account was not found; other errors are returned. 404.
pub(crate) async fn or_gone(panel: &Panel, account: Principal, result: PageResult) -> PageResult {
    match result {
        Err(AdminError::Service(Error::AccountNotFound(_))) => {}
        other => return other,
    }
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
        list: paths::people(account.user_type),
        list_name: l.t(&format!("nav.{}", section(account.user_type))),
        name: name.unwrap_or_default(),
        deletion: event.map(|event| EventView::new(&l, event)),
        l,
    };
    panel.page_with(StatusCode::NOT_FOUND, &page)
}
