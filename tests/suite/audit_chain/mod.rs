//! The record of what was done: what stands in it, that nobody changes it unseen, and how long it is kept.

mod chain;
mod events;
mod forgery;
mod keeping;
