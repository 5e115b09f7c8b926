//! Errors as pages: the status, texts and headers of each error. The matches have no default arm.

use std::fmt;

use actix_web::{
    Error as ActixError, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CONTENT_LANGUAGE, LOCATION, RETRY_AFTER},
    },
};
use askama::Template;
use chrono_tz::Tz;

use crate::config::ServerConfig;
use crate::http::admin::paths;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::public_path::{public_path, with_public_paths};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::headers::used_up;
use crate::services::Error;
use crate::store::StoreError;

/// `Retry-After` where the server is overloaded or unavailable, in seconds.
const RETRY_SECONDS: u64 = 5;

/// What a page handler returns.
pub type PageResult = Result<HttpResponse, AdminError>;

/// An error of the panel: the services', or the request's.
#[derive(Debug)]
pub(crate) enum AdminError {
    /// The services refused the request or failed.
    Service(Error),
    /// `303`: no session; to the sign-in page, and back afterwards.
    SignIn {
        /// A path of the panel.
        next: Option<String>,
        /// Whether the request was a form, which was not saved.
        was_form: bool,
    },
    /// `403`: an auditor may not change anything.
    Forbidden,
    /// `403`: the form has no valid CSRF token of this session.
    ForeignForm,
    /// `403`: the form comes from a page of another origin; the text has the headers that differ.
    ForeignOrigin(String),
    /// `403`: the page was opened over http; the text is its address with https.
    OpenHttps(String),
    /// `404`: no such page or entry.
    NotFound,
    /// `405`: the page does not support the method.
    MethodNotAllowed,
    /// `400`: not a valid form or path.
    Malformed,
    /// `413`: the form is larger than 64 KiB.
    TooLarge,
    /// `503`: the request exceeded its time limit.
    TooSlow,
    /// `500`: a fault of this program.
    Internal(String),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(text) => f.write_str(text),
            other => write!(f, "{other:?}"),
        }
    }
}

impl<E: Into<Error>> From<E> for AdminError {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

/// The status alone; the outermost middleware renders the page.
impl ResponseError for AdminError {
    fn status_code(&self) -> StatusCode {
        status_and_name(self).0
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The status of an error, and the name of its texts `error.<name>` and `error.<name>_text`.
fn status_and_name(error: &AdminError) -> (StatusCode, &'static str) {
    match error {
        AdminError::Service(error) => of_service(error),
        AdminError::TooSlow => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        AdminError::SignIn { .. } => (StatusCode::SEE_OTHER, "sign_in"),
        AdminError::Forbidden => (StatusCode::FORBIDDEN, "read_only"),
        AdminError::ForeignForm => (StatusCode::FORBIDDEN, "foreign_form"),
        AdminError::ForeignOrigin(_) => (StatusCode::FORBIDDEN, "foreign_origin"),
        AdminError::OpenHttps(_) => (StatusCode::FORBIDDEN, "open_https"),
        AdminError::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        AdminError::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "not_found"),
        AdminError::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
        AdminError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        AdminError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

fn of_service(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Invalid(_) | Error::ScopeNotGranted => (StatusCode::BAD_REQUEST, "malformed"),
        Error::Unauthorized
        | Error::InvalidCredentials
        | Error::InvalidOtp
        | Error::SecondFactorRequired(_)
        | Error::InvalidSecondFactor
        | Error::ReauthenticationRequired(_)
        | Error::Token(_)
        | Error::TokenBlacklisted
        | Error::TokenReused
        | Error::SessionRevoked
        | Error::UserInactive
        | Error::TokenUserNotFound
        | Error::InvalidLogoutToken
        | Error::CurrentPasswordRequired
        | Error::RoleNeedsScope
        | Error::ScopeNotOwned
        | Error::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Error::LastAdministrator => (StatusCode::CONFLICT, "last_administrator"),
        Error::OwnAccount => (StatusCode::CONFLICT, "own_account"),
        Error::KeyRefused(_) => (StatusCode::CONFLICT, "key_refused"),
        Error::AccountNotFound(_)
        | Error::ServiceNotFound
        | Error::WebhookNotFound
        | Error::SecondFactorNotFound
        | Error::PasskeysUnavailable
        | Error::OtpDisabled
        | Error::InvalidLink
        | Error::SelfServiceDisabled => (StatusCode::NOT_FOUND, "not_found"),
        Error::AlreadyExists { .. } | Error::SecondFactorExists | Error::Idempotency(_) => {
            (StatusCode::CONFLICT, "already_exists")
        }
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        Error::Overloaded | Error::Store(StoreError::Overloaded) => {
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
        }
        Error::Unavailable(_) | Error::Store(StoreError::Unavailable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        Error::Internal(_) | Error::Store(StoreError::Conflict { .. } | StoreError::Query(_)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal")
        }
    }
}

/// The page for a browser without a session.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    l: Layout,
    status: u16,
    heading: String,
    text: String,
    request_id: String,
    /// Whether there is a link to the panel.
    leads_to_panel: bool,
}

/// The page within the panel.
#[derive(Template)]
#[template(path = "admin/error.html")]
struct PanelErrorPage {
    l: Layout,
    status: u16,
    heading: String,
    text: String,
    request_id: String,
}

impl AdminError {
    /// An error of actix or another crate, by its status.
    pub(crate) fn from_framework(error: &ActixError) -> Self {
        match error.as_response_error().status_code() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            status if status.is_client_error() => Self::Malformed,
            _ => Self::Internal(error.to_string()),
        }
    }

    /// The response; within the panel, if there is the layout of a viewer. Server errors are logged here, once, with the
    /// request's id.
    pub(crate) fn answer(
        &self,
        context: &RequestContext,
        server: &ServerConfig,
        layout: Option<Layout>,
    ) -> HttpResponse {
        if let Self::SignIn { next, was_form } = self {
            let location = match (next, was_form) {
                (Some(next), true) => paths::login_after_form(next),
                (Some(next), false) => paths::login_then(next),
                (None, _) => paths::LOGIN.to_owned(),
            };
            return HttpResponse::SeeOther()
                .insert_header((LOCATION, public_path(server, &location)))
                .finish();
        }
        let (status, name) = status_and_name(self);
        self.log(status, context);
        let language = layout
            .as_ref()
            .map_or(context.look().language, |l| l.locale);
        let page = self.page(status, name, context, layout);
        let mut answer = HttpResponse::build(status);
        if let Self::Service(Error::RateLimited {
            retry_after,
            policy,
        }) = self
        {
            for header in used_up(*retry_after, *policy) {
                answer.insert_header(header);
            }
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        answer
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, language.tag()))
            .body(with_public_paths(page.unwrap_or_default(), server))
    }

    fn page(
        &self,
        status: StatusCode,
        name: &str,
        context: &RequestContext,
        layout: Option<Layout>,
    ) -> askama::Result<String> {
        let is_plain = layout.is_none();
        let look = context.look();
        let l = layout.unwrap_or_else(|| {
            Layout::plain(look.language, look.theme, Tz::UTC, context.received_at)
        });
        let (heading, text) = (l.t(&format!("error.{name}")), self.text(name, &l));
        let request_id = status.is_server_error().then(|| context.id.clone());
        let (status, request_id) = (status.as_u16(), request_id.unwrap_or_default());
        if is_plain {
            let leads_to_panel = context.leads_to_panel;
            let page = ErrorPage {
                l,
                status,
                heading,
                text,
                request_id,
                leads_to_panel,
            };
            return page.render();
        }
        let page = PanelErrorPage {
            l,
            status,
            heading,
            text,
            request_id,
        };
        page.render()
    }

    /// The text below the heading.
    fn text(&self, name: &str, l: &Layout) -> String {
        let key = format!("error.{name}_text");
        match self {
            Self::ForeignOrigin(value) | Self::OpenHttps(value) => l.tr_with(&key, value),
            _ => l.t(&key),
        }
    }

    fn log(&self, status: StatusCode, context: &RequestContext) {
        let cause: &dyn fmt::Display = match self {
            Self::Service(error) => error,
            other => other,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request_id = context.id, error = %cause, "internal error");
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(request_id = context.id, error = %cause, "unavailable");
        }
    }
}
