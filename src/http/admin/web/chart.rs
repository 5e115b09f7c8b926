//! The geometry of the dashboard's chart of logins. The template has its texts and the table beside it.

use chrono::{Datelike, NaiveDate};

use crate::domain::language::Language;
use crate::http::admin::web::layout::Layout;
use crate::services::dashboard::LoginDay;

/// The size and margins in SVG units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 30.0;
/// The number of grid lines above zero.
const LINES: i64 = 4;
/// The number of days between labels.
const EACH: usize = 7;

/// A stacked bar chart, one bar per day.
pub(crate) struct Chart {
    /// The grid lines.
    pub lines: Vec<Line>,
    /// The days; today is the last.
    pub days: Vec<Day>,
    /// The sum of successful logins.
    pub accepted: i64,
    /// The sum of failed logins.
    pub refused: i64,
    /// The width of a day.
    pub day_width: String,
    /// The width of a bar.
    pub bar_width: String,
}

/// A grid line.
pub(crate) struct Line {
    /// Its vertical position.
    pub y: String,
    /// The baseline of its label.
    pub text_y: String,
    /// Its value.
    pub text: String,
}

/// A part of a bar; its height is zero for a count of zero.
pub(crate) struct Bar {
    /// Its upper edge.
    pub y: String,
    /// Its height.
    pub height: String,
}

/// A day of the chart.
pub(crate) struct Day {
    /// The date in the viewer's language.
    pub text: String,
    /// The date as `2026-11-25`.
    pub iso: String,
    /// Successful logins.
    pub accepted: i64,
    /// Failed logins.
    pub refused: i64,
    /// The left edge of the day.
    pub x: String,
    /// The left edge of its bar.
    pub bar_x: String,
    /// The middle of the day.
    pub middle: String,
    /// The part of successful logins.
    pub ok: Bar,
    /// The part of failed logins, on top of the other.
    pub bad: Bar,
    /// Whether its date is shown below.
    pub is_labelled: bool,
}

#[expect(clippy::cast_precision_loss, reason = "a pixel needs no 53 bits")]
fn float(number: i64) -> f64 {
    number as f64
}

impl Chart {
    /// The width in SVG units.
    pub(crate) const WIDTH: f64 = WIDTH;
    /// The height in SVG units.
    pub(crate) const HEIGHT: f64 = HEIGHT;
    /// The left edge of the bars.
    pub(crate) const LEFT: f64 = LEFT;

    /// The chart of these days.
    pub(crate) fn new(l: &Layout, days: &[LoginDay]) -> Self {
        let most = days.iter().map(|day| day.accepted + day.refused).max();
        let step = step(most.unwrap_or(0));
        let zero = HEIGHT - BOTTOM;
        let scale = (zero - TOP) / float(step * LINES);
        let lines = (0..=LINES).map(|line| {
            let y = zero - float(line * step) * scale;
            Line {
                y: coordinate(y),
                text_y: coordinate(y + 4.0),
                text: short(line * step),
            }
        });
        let count = i64::try_from(days.len()).unwrap_or(1).max(1);
        let width = (WIDTH - LEFT - RIGHT) / float(count);
        let shown = days.iter().zip(0_i64..).map(|(day, at)| {
            let x = LEFT + float(at) * width;
            let (ok, bad) = (float(day.accepted) * scale, float(day.refused) * scale);
            let left = usize::try_from(count - 1 - at).unwrap_or(0);
            Day {
                text: day_text(day.day, l.locale),
                iso: day.day.to_string(),
                accepted: day.accepted,
                refused: day.refused,
                x: coordinate(x),
                bar_x: coordinate(x + width * 0.16),
                middle: coordinate(x + width / 2.0),
                ok: bar(zero, ok),
                bad: bar(zero - ok, bad),
                is_labelled: left.is_multiple_of(EACH),
            }
        });
        Self {
            lines: lines.collect(),
            days: shown.collect(),
            accepted: days.iter().map(|day| day.accepted).sum(),
            refused: days.iter().map(|day| day.refused).sum(),
            day_width: coordinate(width),
            bar_width: coordinate(width * 0.68),
        }
    }

    /// Whether there was no login attempt.
    pub(crate) fn is_empty(&self) -> bool {
        self.accepted + self.refused == 0
    }
}

fn bar(bottom: f64, height: f64) -> Bar {
    // A count above zero is visible.
    let height = if height > 0.0 { height.max(1.0) } else { 0.0 };
    Bar {
        y: coordinate(bottom - height),
        height: coordinate(height),
    }
}

fn coordinate(number: f64) -> String {
    format!("{number:.1}")
}

/// The round value between two grid lines with which the highest line is not below `most`.
fn step(most: i64) -> i64 {
    let least = (most + LINES - 1).div_euclid(LINES).max(1);
    let mut ten = 1_i64;
    loop {
        for round in [1, 2, 3, 4, 5, 6, 8] {
            if round * ten >= least {
                return round * ten;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

/// A short label, such as `12k` for 12,000.
fn short(number: i64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => thousands(number, 1_000, "k"),
        _ => thousands(number, 1_000_000, "M"),
    }
}

fn thousands(number: i64, unit: i64, name: &str) -> String {
    let tenths = number * 10 / unit;
    if tenths % 10 == 0 {
        format!("{}{name}", tenths / 10)
    } else {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    }
}

fn day_text(day: NaiveDate, language: Language) -> String {
    match language {
        Language::En => day.format("%b %-d").to_string(),
        Language::Ko => format!("{}월 {}일", day.month(), day.day()),
    }
}

#[cfg(test)]
mod tests {
    use super::{short, step};

    #[test]
    fn the_highest_line_is_round_and_not_below_the_highest_bar() {
        for (most, between) in [
            (0, 1),
            (1, 1),
            (4, 1),
            (5, 2),
            (17, 5),
            (20, 5),
            (21, 6),
            (33, 10),
            (2_263, 600),
            (4_001, 2_000),
        ] {
            assert_eq!(step(most), between, "{most}");
            assert!(step(most) * 4 >= most);
        }
    }

    #[test]
    fn a_lines_text_is_short() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1k"),
            (1_500, "1.5k"),
            (20_000, "20k"),
            (2_000_000, "2M"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
