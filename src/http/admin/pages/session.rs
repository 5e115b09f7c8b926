//! The page of a session: its account, its device, its tokens, and the button that ends it.

use actix_web::{http::StatusCode, web::Path};
use askama::Template;

use crate::domain::session::SessionId;
use crate::http::admin::pages::people::theft::Theft;
use crate::http::admin::pages::sessions::SessionView;
use crate::http::admin::pages::tokens::TokenView;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::audit::events;
use crate::services::tokens::refresh_tokens;
use crate::store::sessions::SessionRow;

#[derive(Template)]
#[template(path = "admin/sessions/show.html")]
struct ShowPage {
    l: Layout,
    /// The list, with the filters that it had before.
    list: String,
    view: SessionView,
    session: SessionRow,
    chain: Vec<TokenView>,
    earlier: i64,
    /// The suspected theft that ended the session.
    theft: Option<Theft>,
    /// Where it is ended; none without permission, or if it has ended.
    end: Option<String>,
}

impl ShowPage {
    fn reused(&self) -> &str {
        let reused = self.session.reused_jti.as_ref();
        reused.map_or("", |jti| jti.as_str())
    }
}

/// The page of a session that was flushed, or never existed.
#[derive(Template)]
#[template(path = "admin/sessions/flushed.html")]
struct FlushedPage {
    l: Layout,
    list: String,
    session: SessionId,
}

/// `GET /admin/sessions/{id}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, id: Path<String>) -> PageResult {
    let id = SessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let (l, list) = (panel.layout("sessions"), panel.back_to(paths::SESSIONS));
    let Some(found) = refresh_tokens::of_session(panel.services(), id.clone()).await? else {
        return panel.page_with(
            StatusCode::NOT_FOUND,
            &FlushedPage {
                l,
                list,
                session: id,
            },
        );
    };
    let theft = match &found.session.reused_jti {
        Some(_) => events::find_reuse(panel.services(), id.clone()).await?,
        None => None,
    };
    let view = SessionView::new(&l, &found.listed);
    let can_end = l.can_write && view.is_live;
    let person = paths::person(found.listed.principal());
    let chain = found.chain.iter().map(|token| TokenView::new(&l, token));
    panel.page(&ShowPage {
        chain: chain.collect(),
        end: can_end.then(|| person.end_session(&id)),
        theft: theft.map(|event| Theft::new(&l, &event)),
        session: found.session,
        earlier: found.earlier,
        list,
        view,
        l,
    })
}
