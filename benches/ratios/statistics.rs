//! Medians, percentiles and spreads.

use std::{fmt, time::Duration};

/// Median and range of several values.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// NaN if there are no values.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let median = if values.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        Self {
            median,
            min: at(0),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

/// Median, minimum and maximum.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median < 10.0 { 3 } else { 1 };
        write!(
            f,
            "{:.digits$} ({:.digits$}–{:.digits$})",
            self.median, self.min, self.max
        )
    }
}

/// The 99th percentile.
pub fn p99(mut values: Vec<Duration>) -> Duration {
    values.sort();
    let index = (values.len() * 99).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or(Duration::MAX)
}

/// The median in milliseconds.
pub fn median_millis(times: &[Duration]) -> f64 {
    Spread::of(times.iter().copied().map(millis).collect()).median
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
