//! The signing keys in the database: how they are decrypted and followed, and how operators and the rotation change them.

pub mod by_administrator;
pub mod changes;
pub mod list;
pub mod refusal;
pub mod replacement;
pub mod rewrap;
pub mod ring;
pub mod rotation;
pub mod sealing;
pub mod session_job;
