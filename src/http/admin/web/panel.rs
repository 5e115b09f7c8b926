//! Who is signed in to the panel, and whether he may change anything. A handler that asks for one of these cannot forget
//! the check.

use std::{future::Future, ops::Deref, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::Method, web};

use crate::{
    domain::audit::{Actor, AuditSource},
    http::{
        admin::web::{
            cookies::{self, Name},
            error::AdminError,
            layout::Layout,
            page_context::{PageContext, own_path},
        },
        middleware::origin::is_https,
    },
    services::{
        Services,
        auth::browser_sessions::{self, Viewer},
    },
};

/// An administrator or auditor who is signed in: he sees everything.
pub(crate) struct Panel {
    frame: PageContext,
    viewer: Viewer,
}

/// An administrator who is signed in: he may change what he sees.
pub(crate) struct PanelAdmin(pub(crate) Panel);

impl Deref for Panel {
    type Target = PageContext;

    fn deref(&self) -> &PageContext {
        &self.frame
    }
}

impl Deref for PanelAdmin {
    type Target = Panel;

    fn deref(&self) -> &Panel {
        &self.0
    }
}

impl Panel {
    /// Who is signed in, as his row is now.
    pub(crate) fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The same, as the record has him.
    pub(crate) fn actor(&self) -> Actor {
        let context = &self.frame.context;
        Actor::account(
            AuditSource::Panel,
            &self.viewer.account,
            context.device(),
            context.id.clone(),
        )
    }

    /// The frame of a page in this part of the panel.
    pub(crate) fn layout(&self, section: &'static str) -> Layout {
        let account = &self.viewer.account;
        Layout {
            section,
            writes: self.viewer.may_write(),
            me_name: account.name.clone(),
            me_email: account.email.clone().unwrap_or_default(),
            me_role: account
                .role
                .map_or_else(String::new, |role| self.t(&format!("role.{role}"))),
            ..self.plain_layout()
        }
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
            if panel.viewer.may_write() {
                Ok(Self(panel))
            } else {
                Err(AdminError::Forbidden)
            }
        })
    }
}

/// The services that the server was built with.
pub(crate) fn services_of(request: &HttpRequest) -> Result<web::Data<Services>, AdminError> {
    request
        .app_data::<web::Data<Services>>()
        .cloned()
        .ok_or_else(|| AdminError::Internal("the server has no services".into()))
}

async fn signed_in(request: &HttpRequest) -> Result<Panel, AdminError> {
    let services = services_of(request)?;
    let is_https = is_https(&services);
    let Some(secret) = cookies::read(request, Name::Session, is_https) else {
        return Err(sign_in_first(request));
    };
    let Some(viewer) = browser_sessions::find(&services, &secret).await? else {
        return Err(sign_in_first(request));
    };
    let frame = PageContext::new(request, services, Some(secret), viewer.preferences)?;
    frame.context.note_caller(viewer.account.principal);
    Ok(Panel { frame, viewer })
}

/// To the door, and afterwards back to the page that was asked for; after a form, to the page that it stood on.
fn sign_in_first(request: &HttpRequest) -> AdminError {
    let asked = match *request.method() {
        Method::GET | Method::HEAD => request
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        _ => {
            let referrer = request
                .headers()
                .get(actix_web::http::header::REFERER)
                .and_then(|value| url::Url::parse(value.to_str().ok()?).ok());
            referrer.map_or_else(String::new, |url| {
                url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
            })
        }
    };
    AdminError::SignIn {
        next: own_path(&asked)
            .filter(|path| *path != "/admin")
            .map(str::to_owned),
    }
}
