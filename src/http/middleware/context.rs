//! What is known of a request before a handler runs.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use actix_web::{HttpMessage, HttpRequest, http::Method, web};

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::preferences::Theme;
use crate::domain::principal::TokenOwner;
use crate::domain::session::{Device, Jti};
use crate::http::middleware::accept::ErrorForm;
use crate::http::middleware::origin::Cors;
use crate::services::limits::quota::{NotedQuota, Quota};
use crate::services::{Error, Services};

/// The context of a request. The outermost middleware makes one for every request.
#[derive(Debug)]
pub struct RequestContext {
    /// The request id: the caller's, or a new one.
    pub id: String,
    /// The language of the answer.
    pub language: Language,
    /// When the request arrived.
    pub received_at: Timestamp,
    /// The client's address, behind the trusted proxies.
    pub address: Option<IpAddr>,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
    /// Whether the path belongs to the admin panel or the pages for owners of accounts, or is `/docs`: every answer, errors
    /// included, is a page then.
    pub(crate) in_panel: bool,
    /// Whether the page of an error has a link to the panel.
    pub(crate) leads_to_panel: bool,
    /// The form of an error, outside of the panel.
    pub(crate) error_form: ErrorForm,
    /// What the answer permits pages of other origins.
    pub(crate) cors: Cors,
    quota: OnceLock<NotedQuota>,
    caller: OnceLock<TokenOwner>,
    look: OnceLock<Look>,
}

/// How the panel's pages look for the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Their language.
    pub language: Language,
    /// Their colours.
    pub theme: Theme,
}

impl RequestContext {
    /// A context with a new request id and nothing else that comes from a request.
    pub(crate) fn new(received_at: Timestamp, language: Language) -> Self {
        Self {
            id: Jti::new(received_at).to_string(),
            language,
            received_at,
            address: None,
            user_agent: None,
            in_panel: false,
            leads_to_panel: false,
            error_form: ErrorForm::default(),
            cors: Cors::default(),
            quota: OnceLock::new(),
            caller: OnceLock::new(),
            look: OnceLock::new(),
        }
    }

    /// The context of a request that has passed the outermost middleware, as every request that reaches a handler has.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Arc<Self> {
        request
            .extensions()
            .get::<Arc<Self>>()
            .cloned()
            .unwrap_or_else(|| {
                debug_assert!(false, "a request without context");
                Arc::new(Self::new(Timestamp::EPOCH, Language::default()))
            })
    }

    /// Sets the authenticated caller, for the access log. The first call counts.
    pub fn note_caller(&self, caller: impl Into<TokenOwner>) {
        let _ = self.caller.set(caller.into());
    }

    /// The authenticated caller, if there is one so far.
    pub(crate) fn caller(&self) -> Option<TokenOwner> {
        self.caller.get().copied()
    }

    /// Where a service notes what the answer shows of the limits.
    pub(crate) fn noted_quota(&self) -> NotedQuota {
        self.quota.get_or_init(NotedQuota::default).clone()
    }

    /// What the answer shows of the limits.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.quota.get()?.get()
    }

    /// Sets how pages look. The first call counts: preferences of an account come before those of an anonymous page.
    pub(crate) fn note_look(&self, look: Look) {
        let _ = self.look.set(look);
    }

    /// How pages look: as noted, or in the request's language and the system's colours.
    pub(crate) fn look(&self) -> Look {
        self.look.get().copied().unwrap_or(Look {
            language: self.language,
            theme: Theme::System,
        })
    }

    /// The device of a session that this request begins.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(self.address, self.user_agent.as_deref())
    }
}

/// The services of the server.
pub(crate) fn services_of(request: &HttpRequest) -> Result<web::Data<Services>, Error> {
    let services = request.app_data::<web::Data<Services>>().cloned();
    services.ok_or_else(|| Error::Internal("the server has no services".into()))
}

/// The same without counting a reference, for calls that are made in every request.
pub(crate) fn borrowed_services(request: &HttpRequest) -> Result<&Services, Error> {
    let services = request.app_data::<web::Data<Services>>();
    services
        .map(|services| &***services)
        .ok_or_else(|| Error::Internal("the server has no services".into()))
}

/// A method that HTTP defines, otherwise `-`: a caller can invent any other word.
pub(crate) fn standard_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "-",
    }
}
