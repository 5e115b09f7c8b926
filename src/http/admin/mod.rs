//! The admin panel: [`routes`] has every path, `pages` one file per noun, `web` what pages share.
//!
//! A page is an askama struct beside its handler with its template of the same name in `templates/admin`. The signed-in
//! administrator, and the permission to change anything, are extractors ([`web::panel`]); a form is accepted only from the
//! panel's own pages ([`web::form`]). Everything works without JavaScript.

#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
pub mod pages;
pub mod routes;
pub mod web;
