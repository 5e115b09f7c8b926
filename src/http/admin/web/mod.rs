//! What pages share: forms, CSRF, layout, lists, CSV, charts.

pub mod account_path;
pub mod assets;
pub mod chart;
pub mod claims;
pub(crate) mod code_text;
pub mod cookies;
pub mod csrf;
pub mod csv;
pub mod display_time;
pub mod edit_conflict;
pub mod entry;
pub mod error;
pub mod events;
pub mod filters;
pub mod form;
pub mod layout;
pub mod lists;
pub mod notice;
pub mod owners;
pub mod page_context;
pub mod panel;
pub mod public_path;
pub mod texts;
pub mod user_agent;
