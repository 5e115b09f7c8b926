//! What the tests stand on: a server with its database, people who call it, and tokens made by hand.

mod app;
mod browser;
mod database;
mod forge;
pub mod headers;
mod people;
mod random;
pub mod receiver;
mod remote;
mod routes;
pub mod spa;

pub use app::App;
pub use browser::{Browser, Page};
pub use database::{TestDatabase, on_postgres};
pub use forge::{Forgery, claims_of, header_of};
pub use people::{Person, password_of};
pub use random::Random;
pub use remote::{Answer, Call, Remote};
pub use routes::routes;

/// The key that signs in tests; long enough for every algorithm.
pub const SIGNING_KEY: &str = "for tests alone: 64 bytes that nobody would take for a real key.";
