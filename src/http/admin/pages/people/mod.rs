//! Accounts of both populations: internal users and clients. The population comes with the route
//! ([`Population`](crate::http::admin::web::account_path::Population)).

pub mod account;
pub mod bulk;
pub mod confirm;
pub mod delete;
pub mod form;
mod form_changes;
pub mod list;
pub mod second_factor;
pub mod show;
