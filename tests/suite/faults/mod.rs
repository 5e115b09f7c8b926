//! Faults that can be made in the test's own process: the listener's connection cut, a clock that jumps. Those that need a
//! process of their own are in [`super::process`].

mod clock;
mod listener;
