//! The routes of djangorestframework-simplejwt 5.5.1 (`[simplejwt]`): its bodies, statuses and messages over the services that
//! `/auth` has. They are not part of the `OpenAPI` document; `docs/simplejwt.md` lists the differences to the library.

mod body;
mod handlers;
mod metadata;
pub(in crate::http) mod refusal;
pub(in crate::http) mod routes;
