//! Faults within the test process: a cut connection of the revocation feed, and a clock that jumps. Faults that need a
//! separate process are in [`super::process`].

mod clock;
mod listener;
