//! Every route of SimpleJWT.

use actix_web::{Resource, guard, http::Method, web};

use crate::config::SimplejwtConfig;
use crate::http::api::simplejwt::handlers;
use crate::http::api::simplejwt::metadata::{self, View};

/// Registers the routes, if they are enabled. The outer middleware has removed a trailing slash of the path.
pub(in crate::http) fn routes(
    settings: &SimplejwtConfig,
) -> impl Fn(&mut web::ServiceConfig) + use<> {
    let (is_enabled, is_sliding) = (settings.enabled, settings.sliding);
    let prefix = settings.path().to_owned();
    move |config| {
        if !is_enabled {
            return;
        }
        let path = |rest: &str| format!("{prefix}{rest}");
        config
            .service(resource(
                &path(""),
                View::Obtain,
                web::post().to(handlers::obtain),
            ))
            .service(resource(
                &path("/refresh"),
                View::Refresh,
                web::post().to(handlers::refresh),
            ))
            .service(resource(
                &path("/verify"),
                View::Verify,
                web::post().to(handlers::verify),
            ))
            .service(resource(
                &path("/blacklist"),
                View::Blacklist,
                web::post().to(handlers::blacklist),
            ));
        if is_sliding {
            config
                .service(resource(
                    &path("/sliding"),
                    View::ObtainSliding,
                    web::post().to(handlers::obtain_sliding),
                ))
                .service(resource(
                    &path("/sliding/refresh"),
                    View::RefreshSliding,
                    web::post().to(handlers::refresh_sliding),
                ));
        }
    }
}

fn resource(path: &str, view: View, post: actix_web::Route) -> Resource {
    web::resource(path)
        .app_data(view)
        .route(post)
        .route(
            web::route()
                .guard(guard::Method(Method::OPTIONS))
                .to(metadata::show),
        )
        .default_service(web::to(handlers::other_method))
}
