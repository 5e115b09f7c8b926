//! The JSON door, as the wire contract has it.

mod claims;
mod client_users;
mod flow;
mod forged;
mod lists;
mod login;
mod logout;
mod otp;
mod otp_limits;
mod permissions;
mod races;
mod refresh;
mod users;
