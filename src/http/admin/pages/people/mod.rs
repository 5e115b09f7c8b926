//! Accounts of both populations: internal users and clients. The population comes with the route
//! ([`Population`](crate::http::admin::web::account_path::Population)).

pub mod account;
pub mod bulk;
pub mod confirm;
pub mod cut_off;
pub mod delete;
pub mod form;
mod form_changes;
mod form_merge;
mod form_values;
pub mod gone;
mod history;
pub mod list;
mod login_box;
pub mod second_factor;
pub mod show;
pub(crate) mod theft;
