//! The thin door of the binary.

fn main() {}
