//! The OpenAPI 3.1 document. It is made from what the code has anyway: the table of endpoints (`http/api/routes.rs`), the
//! declarations of inputs, the types of the answers, and the table of codes.

mod components;
pub mod document;
pub(crate) mod error_examples;
mod examples;
mod follow_ups;
mod inputs;
mod names;
mod operation;
mod responses;
pub mod served;
mod webhooks;
