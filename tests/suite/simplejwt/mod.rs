//! What a site that moves from djangorestframework-simplejwt uses: tokens that Django signed, the routes and the settings of
//! the library, as `docs/simplejwt.md` documents them.

mod django_access;
mod django_inspector;
mod django_log_out;
mod django_refresh;
mod outer_errors;
mod routes;
mod routes_refusals;
mod settings;
mod sliding;
mod support;
