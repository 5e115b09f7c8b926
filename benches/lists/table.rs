//! The table of results.

use crate::{database::Kind, pages::Figure, rows::Size};

/// Target response time in milliseconds.
const TARGET: f64 = 100.0;

/// Prints the times on the small and the large database, and the growth factor.
pub fn print(kind: Kind, sizes: [Size; 2], small: &[Figure], large: &[Figure]) {
    println!(
        "\n{kind}: {} (small), {} (large). Median times of complete pages over HTTP.\n",
        sizes[0], sizes[1]
    );
    let width = small.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    println!(
        "{:width$}  {:>9}  {:>9}  {:>6}  under {TARGET} ms",
        "page", "small", "large", "growth"
    );
    for ((name, small), (_, large)) in small.iter().zip(large) {
        match (small, large) {
            (Ok(small), Ok(large)) => {
                let (small, large) = (1_000.0 * small.as_secs_f64(), 1_000.0 * large.as_secs_f64());
                let reached = if large < TARGET { "yes" } else { "NO" };
                println!(
                    "{name:width$}  {small:>6.1} ms  {large:>6.1} ms  {:>5.1}×  {reached}",
                    large / small
                );
            }
            (Err(failure), _) | (_, Err(failure)) => {
                println!("{name:width$}  failed: {failure}");
            }
        }
    }
}
