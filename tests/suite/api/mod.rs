//! The JSON door, as the wire contract has it.

mod claims;
mod client_users;
mod envelope;
mod errors;
mod flow;
mod flush;
mod forged;
mod forged_claims;
mod guessing;
mod guessing_addresses;
mod health;
mod lists;
mod login;
mod logout;
mod odd_values;
mod otp;
mod otp_limits;
mod password;
mod permissions;
mod races;
mod refresh;
mod reuse;
mod revocation;
mod search;
mod sessions;
mod users;
