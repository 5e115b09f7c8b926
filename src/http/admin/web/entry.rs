//! Addresses outside of `/admin`: some lead to the panel or, where it is not on this listener, to other pages; `/docs` is the
//! API reference.

use actix_web::{
    HttpRequest, HttpResponse, Resource, guard,
    http::header::LOCATION,
    middleware::Compress,
    web::{self, Data, ServiceConfig},
};

use crate::http::admin::pages::api_docs;
use crate::http::admin::paths;
use crate::http::admin::web::assets;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::public_path::public_path;
use crate::http::api::fallback;
use crate::services::Services;

/// Those of a listener with the panel.
pub(crate) fn with_panel(config: &mut ServiceConfig) {
    leading_to(paths::DASHBOARD, paths::ACCOUNT, config);
}

/// Those of a listener without the panel.
pub(crate) fn without_panel(config: &mut ServiceConfig) {
    leading_to(paths::API_DOCS, paths::FORGOT, config);
}

fn leading_to(root: &'static str, change_password: &'static str, config: &mut ServiceConfig) {
    config
        .service(redirect("/", move || root.to_owned()))
        // Password managers open it to change a password (W3C: A Well-Known URL for Changing Passwords).
        .service(redirect("/.well-known/change-password", move || {
            change_password.to_owned()
        }))
        .service(redirect("/favicon.ico", || assets::url("favicon.svg")));
}

/// The API reference.
pub(crate) fn api_reference(config: &mut ServiceConfig) {
    let read = guard::Any(guard::Get()).or(guard::Head());
    config.service(
        web::resource(paths::API_DOCS)
            .wrap(Compress::default())
            .route(web::route().guard(read).to(api_docs::show))
            .default_service(web::to(method_not_allowed)),
    );
}

/// `GET` of a path: `303` to another path of the server. **Permissions**: anyone.
fn redirect(from: &str, to: impl Fn() -> String + Clone + 'static) -> Resource {
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(from)
        .route(
            web::route()
                .guard(read)
                .to(move |services: Data<Services>| {
                    let location = public_path(&services.config.server, &to());
                    std::future::ready(
                        HttpResponse::SeeOther()
                            .insert_header((LOCATION, location))
                            .finish(),
                    )
                }),
        )
        .default_service(web::to(|request: HttpRequest| async move {
            fallback::not_a_file(&request)
        }))
}

async fn method_not_allowed() -> PageResult {
    Err(AdminError::MethodNotAllowed)
}
