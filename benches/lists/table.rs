//! The table at the end.

use crate::{database::Kind, filling::Size, pages::Figure};

/// What no page may take, in milliseconds.
const TARGET: f64 = 100.0;

/// Prints how long each page took on the small and on the big installation, and how it grew.
pub fn print(kind: Kind, sizes: [Size; 2], small: &[Figure], big: &[Figure]) {
    println!(
        "\n{kind}: {}; then {}. Whole pages over HTTP, median.\n",
        sizes[0], sizes[1]
    );
    let width = small.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    println!(
        "{:width$}  {:>9}  {:>9}  {:>6}  under {TARGET} ms",
        "page", "small", "big", "growth"
    );
    for ((name, small), (_, big)) in small.iter().zip(big) {
        match (small, big) {
            (Ok(small), Ok(big)) => {
                let (small, big) = (1_000.0 * small.as_secs_f64(), 1_000.0 * big.as_secs_f64());
                let reached = if big < TARGET { "yes" } else { "NO" };
                println!(
                    "{name:width$}  {small:>6.1} ms  {big:>6.1} ms  {:>5.1}×  {reached}",
                    big / small
                );
            }
            (Err(failure), _) | (_, Err(failure)) => {
                println!("{name:width$}  not taken: {failure}");
            }
        }
    }
}
