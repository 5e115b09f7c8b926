//! The dashboard's chart of log-ins: where each bar stands. The words and the table beside it are the template's.

use chrono::{Datelike, NaiveDate};

use crate::{
    domain::language::Language, http::admin::web::layout::Layout, services::dashboard::LoginDay,
};

/// The chart's size and margins, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 30.0;
/// How many lines there are above the ground.
const LINES: i64 = 4;
/// Each how many days a date is written.
const EACH: usize = 7;

/// A bar chart of days, one bar of two parts each.
pub(crate) struct Chart {
    /// The lines that values are read by.
    pub lines: Vec<Line>,
    /// The days, today's last.
    pub days: Vec<Day>,
    /// All log-ins of the days.
    pub accepted: i64,
    /// All that were refused.
    pub refused: i64,
}

/// A line across the chart.
pub(crate) struct Line {
    /// How high it stands.
    pub y: String,
    /// Where its text stands.
    pub text_y: String,
    /// Its value.
    pub text: String,
}

/// A part of a bar; of no height where there is nothing.
pub(crate) struct Bar {
    /// Its upper edge.
    pub y: String,
    /// Its height.
    pub height: String,
}

/// A day's place in the chart.
pub(crate) struct Day {
    /// The day as people write it.
    pub text: String,
    /// For programs: `2026-11-25`.
    pub iso: String,
    /// How many were let in.
    pub accepted: i64,
    /// How many were refused.
    pub refused: i64,
    /// Where the day's part of the chart begins.
    pub x: String,
    /// Where its bar begins.
    pub bar_x: String,
    /// Its middle.
    pub middle: String,
    /// The part of those who were let in.
    pub ok: Bar,
    /// The part of the refused, upon the other.
    pub bad: Bar,
    /// Whether its date is written below.
    pub is_labelled: bool,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a pixel knows nothing of the 53rd bit"
)]
fn float(number: i64) -> f64 {
    number as f64
}

impl Chart {
    /// The width of the chart.
    pub(crate) const WIDTH: f64 = WIDTH;
    /// Its height.
    pub(crate) const HEIGHT: f64 = HEIGHT;
    /// Where its bars begin.
    pub(crate) const LEFT: f64 = LEFT;

    /// Puts the days in their places.
    pub(crate) fn new(l: &Layout, days: &[LoginDay]) -> Self {
        let most = days.iter().map(|day| day.accepted + day.refused).max();
        let step = step(most.unwrap_or(0));
        let ground = HEIGHT - BOTTOM;
        let scale = (ground - TOP) / float(step * LINES);
        let lines = (0..=LINES).map(|line| {
            let y = ground - float(line * step) * scale;
            Line {
                y: place(y),
                text_y: place(y + 4.0),
                text: short(line * step),
            }
        });
        let count = i64::try_from(days.len()).unwrap_or(1).max(1);
        let width = (WIDTH - LEFT - RIGHT) / float(count);
        let placed = days.iter().zip(0_i64..).map(|(day, at)| {
            let x = LEFT + float(at) * width;
            let (ok, bad) = (float(day.accepted) * scale, float(day.refused) * scale);
            let left = usize::try_from(count - 1 - at).unwrap_or(0);
            Day {
                text: day_text(day.day, l.spoken),
                iso: day.day.to_string(),
                accepted: day.accepted,
                refused: day.refused,
                x: place(x),
                bar_x: place(x + width * 0.16),
                middle: place(x + width / 2.0),
                ok: bar(ground, ok),
                bad: bar(ground - ok, bad),
                is_labelled: left.is_multiple_of(EACH),
            }
        });
        Self {
            lines: lines.collect(),
            days: placed.collect(),
            accepted: days.iter().map(|day| day.accepted).sum(),
            refused: days.iter().map(|day| day.refused).sum(),
        }
    }

    /// How wide a day is.
    pub(crate) fn day_width(&self) -> String {
        place(self.width())
    }

    /// How wide its bar is.
    pub(crate) fn bar_width(&self) -> String {
        place(self.width() * 0.68)
    }

    fn width(&self) -> f64 {
        let days = i64::try_from(self.days.len()).unwrap_or(1).max(1);
        (WIDTH - LEFT - RIGHT) / float(days)
    }

    /// Whether nobody logged in or was refused.
    pub(crate) fn is_empty(&self) -> bool {
        self.accepted + self.refused == 0
    }
}

fn bar(bottom: f64, height: f64) -> Bar {
    // What is there at all is seen.
    let height = if height > 0.0 { height.max(1.0) } else { 0.0 };
    Bar {
        y: place(bottom - height),
        height: place(height),
    }
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}

/// The value between two lines, a round one, so that the highest line is not below `most`.
fn step(most: i64) -> i64 {
    let wanted = (most + LINES - 1).div_euclid(LINES).max(1);
    let mut ten = 1_i64;
    loop {
        for round in [1, 2, 3, 4, 5, 6, 8] {
            if round * ten >= wanted {
                return round * ten;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

/// `12k` for 12,000: a line's text has little room.
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
