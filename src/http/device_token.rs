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
use crate::http::middleware::origin::is_https;
use crate::services::Services;
use crate::services::limits::login_context::LoginContext;

/// The header of a device token, in requests and answers.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-device-token");

/// The cookie's name. With https it has the `__Host-` prefix, like those of the admin panel.
fn name(is_https: bool) -> &'static str {
    if is_https {
        "__Host-munjigi_device"
    } else {
        "munjigi_device"
    }
}

/// The device token of a request, if it has one: from the header, otherwise from the cookie. It is not verified.
pub(super) struct PresentedDevice(Option<String>);

impl PresentedDevice {
    /// The context of a login attempt by `actor` on this device.
    pub(super) fn login_context(self, actor: Actor) -> LoginContext {
        LoginContext {
            actor,
            device_token: self.0,
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
            cookie_header::value(request, name(is_https(services)))
        });
        ready(Ok(Self(presented)))
    }
}

/// A cookie with a device token.
pub(super) fn cookie(services: &Services, token: String) -> Cookie<'static> {
    let is_https = is_https(services);
    let lifetime = services.config.limits.device_lifetime.get();
    cookie_header::build(name(is_https), token, Some(lifetime), is_https).finish()
}
