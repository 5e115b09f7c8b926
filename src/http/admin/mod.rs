//! The admin panel: `routes` has every path, `pages` one file per noun, `web` what pages share.
//!
//! A page is an askama struct beside its handlers, with its template under the same name in `templates/admin`. The signed-in
//! viewer and the permission to write are extractors (`web::panel`); a form is accepted only from the panel's own pages
//! (`web::form`). Everything works without JavaScript.

#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
pub(crate) mod pages;
pub mod paths;
pub mod person_paths;
pub(in crate::http) mod redirect_targets;
pub(in crate::http) mod routes;
pub(in crate::http) mod web;
pub mod webhook_paths;
mod webhook_routes;
