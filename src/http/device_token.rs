//! The transport of device tokens: a cookie for browsers, and a header for clients without a cookie jar.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpRequest, cookie::Cookie, dev::Payload, http::header::HeaderName, web,
};

use crate::domain::audit::Actor;
use crate::http::cookie_header;
use crate::http::middleware::context::RequestContext;
use crate::services::Services;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::quota::NotedQuota;

/// The header of a device token, in requests and answers.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-device-token");

/// The cookie's name.
const COOKIE: &str = "device";

/// The device token of a request, if it has one: from the header, otherwise from the cookie. It is not verified.
#[derive(Clone)]
pub(super) struct PresentedDevice {
    token: Option<String>,
    quota: NotedQuota,
}

impl PresentedDevice {
    /// The context of a login attempt by `actor` on this device.
    pub(super) fn login_context(self, actor: Actor) -> LoginContext {
        LoginContext {
            actor,
            device_token: self.token,
            quota: self.quota,
        }
    }
}

impl FromRequest for PresentedDevice {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let in_header = request.headers().get(HEADER);
        let in_header = in_header.and_then(|value| value.to_str().ok());
        let presented = in_header.map(str::to_owned).or_else(|| {
            let services = request.app_data::<web::Data<Services>>()?;
            cookie_header::read(request, &services.config.server, COOKIE)
        });
        ready(Ok(Self {
            token: presented,
            quota: RequestContext::of(request).noted_quota(),
        }))
    }
}

/// A cookie with a device token.
pub(super) fn cookie(services: &Services, token: String) -> Cookie<'static> {
    let server = &services.config.server;
    let lifetime = services.config.limits.device_lifetime.get();
    let name_and_path = cookie_header::name_and_path(server, COOKIE);
    cookie_header::build(name_and_path, token, Some(lifetime), server).finish()
}
