//! The extractors of signed-in viewers: with read permission, and with write permission. A handler cannot skip the check.

use std::{future::Future, ops::Deref, pin::Pin, rc::Rc};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{Method, header::REFERER},
};
use url::{Position, Url};

use crate::config::ServerConfig;
use crate::domain::audit::{Actor, AuditSource};
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::middleware::context::services_of;
use crate::services::auth::browser_sessions::{self, Viewer};
use crate::services::saved_views;

/// A signed-in user: read permission.
#[derive(Clone)]
pub(crate) struct Panel(Rc<SignedIn>);

struct SignedIn {
    page_context: PageContext,
    viewer: Viewer,
}

/// A signed-in user with write permission.
pub(crate) struct PanelAdmin(pub(crate) Panel);

impl Deref for Panel {
    type Target = PageContext;

    fn deref(&self) -> &PageContext {
        &self.0.page_context
    }
}

impl Deref for PanelAdmin {
    type Target = Panel;

    fn deref(&self) -> &Panel {
        &self.0
    }
}

impl Panel {
    /// The signed-in account, as it is stored now.
    pub(crate) fn viewer(&self) -> &Viewer {
        &self.0.viewer
    }

    /// The signed-in account as the actor of audit events.
    pub(crate) fn actor(&self) -> Actor {
        let context = &self.context;
        Actor::account(
            AuditSource::Panel,
            &self.viewer().account,
            context.device(),
            context.id.clone(),
        )
    }

    /// The layout of a page in this section.
    pub(crate) fn layout(&self, section: &'static str) -> Layout {
        let viewer = self.viewer();
        let account = &viewer.account;
        let l = self.0.page_context.layout();
        let role = account.role.as_ref();
        Layout {
            section,
            can_write: viewer.may_write(),
            step_up: viewer.step_up,
            viewer_name: account.name.clone(),
            viewer_email: account.login().to_owned(),
            viewer_role: role.map_or_else(String::new, |role| l.role(role.as_str())),
            ..l
        }
    }
}

impl Panel {
    /// The layout of a list with the viewer's saved views of it.
    pub(crate) async fn layout_of_list(
        &self,
        section: &'static str,
        list: &str,
    ) -> Result<Layout, AdminError> {
        let owner = self.viewer().account.principal.user_seq;
        let views = saved_views::list(self.services(), owner, list).await?;
        Ok(Layout {
            views,
            ..self.layout(section)
        })
    }
}

impl FromRequest for Panel {
    type Error = AdminError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AdminError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await })
    }
}

impl FromRequest for PanelAdmin {
    type Error = AdminError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AdminError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let panel = signed_in(&request).await?;
            if panel.viewer().may_write() {
                Ok(Self(panel))
            } else {
                Err(AdminError::Forbidden)
            }
        })
    }
}

async fn signed_in(request: &HttpRequest) -> Result<Panel, AdminError> {
    let services = services_of(request)?;
    let server = &services.config.server;
    let Some(secret) = cookies::read(request, Name::Session, server) else {
        return Err(sign_in_first(request, server));
    };
    let Some(viewer) = browser_sessions::find(&services, &secret).await? else {
        return Err(sign_in_first(request, server));
    };
    let page_context = PageContext::new(request, services, Some(secret), viewer.preferences)?;
    page_context.context.note_caller(viewer.account.principal);
    let panel = Panel(Rc::new(SignedIn {
        page_context,
        viewer,
    }));
    request.extensions_mut().insert(panel.clone());
    Ok(panel)
}

/// The viewer of a request whose handler has asked for one; none without a session.
pub(crate) fn panel_of(request: &HttpRequest) -> Option<Panel> {
    request.extensions().get::<Panel>().cloned()
}

/// The layout of a page that shows an error to the viewer of a request; none without a session.
pub(crate) fn layout_of_error(request: &HttpRequest) -> Option<Layout> {
    let l = panel_of(request)?.layout("");
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    Some(Layout {
        // The notice of the last action is shown on the next page.
        notices: Vec::new(),
        // The address of a form may have no page that the switch of the language could lead back to.
        path: if is_page {
            l.path.clone()
        } else {
            paths::DASHBOARD.to_owned()
        },
        ..l
    })
}

/// The sign-in page leads back to the requested page, or to the page of a submitted form.
fn sign_in_first(request: &HttpRequest, server: &ServerConfig) -> AdminError {
    let was_form = !matches!(*request.method(), Method::GET | Method::HEAD);
    let requested = match *request.method() {
        Method::GET | Method::HEAD => request.uri().path_and_query().map(ToString::to_string),
        _ => referrer(request, server),
    };
    AdminError::SignIn {
        was_form,
        next: requested
            .filter(|path| panel_path(path).is_some_and(|path| path != paths::DASHBOARD)),
    }
}

/// The path and query of the page that sent the request, without the path of `server.public_url`.
fn referrer(request: &HttpRequest, server: &ServerConfig) -> Option<String> {
    let url = request.headers().get(REFERER)?.to_str().ok()?;
    let url = Url::parse(url).ok()?;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    path.strip_prefix(server.path_prefix()).map(str::to_owned)
}
