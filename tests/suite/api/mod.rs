//! The JSON door, as the wire contract has it.

mod claims;
mod flow;
mod forged;
mod login;
mod logout;
mod otp;
mod otp_limits;
mod races;
mod refresh;
