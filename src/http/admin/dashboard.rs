//! The first page: how much there is of everything, the log-ins of the last days, what happened last, and the house itself.

use std::{sync::LazyLock, time::Instant};

use actix_web::web::{self, ServiceConfig};
use askama::Template;
use chrono::Datelike;

use super::{Answer, layout::Layout, panel::Panel};
use crate::{
    clock::Timestamp,
    domain::language::Language,
    services::dashboard::{self, Day, Figures},
};

/// How many days the chart shows.
const DAYS: u64 = 30;

/// When the process began to serve; first asked for at the start.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) fn routes(config: &mut ServiceConfig) {
    LazyLock::force(&STARTED);
    config.service(
        web::resource("")
            .route(web::get().to(show))
            .route(web::head().to(show)),
    );
}

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct DashboardPage {
    l: Layout,
    figures: Figures,
    /// Told where the figures are not of this moment.
    as_of: Option<Timestamp>,
    chart: Chart,
    database: &'static str,
    uptime: String,
    public_url: String,
}

/// `GET /admin`. **Permissions**: whoever is signed in. 200.
async fn show(panel: Panel) -> Answer {
    let services = panel.services();
    let figures = dashboard::count(services).await?;
    let days = dashboard::log_ins(services, panel.zone(), DAYS).await?;
    let l = panel.layout("dashboard");
    panel.page(&DashboardPage {
        as_of: (figures.as_of != panel.now() && panel.now().since(figures.as_of).as_secs() > 0)
            .then_some(figures.as_of),
        figures,
        chart: Chart::new(&l, &days),
        database: services.store.backend(),
        uptime: uptime(&l, STARTED.elapsed().as_secs()),
        public_url: services
            .config
            .server
            .public_url
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        l,
    })
}

/// The two largest units of a duration.
fn uptime(l: &Layout, seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!(
            "{} {}",
            l.tn("dashboard.days", days),
            l.tn("dashboard.hours", hours)
        )
    } else if hours > 0 {
        format!(
            "{} {}",
            l.tn("dashboard.hours", hours),
            l.tn("dashboard.minutes", minutes)
        )
    } else {
        l.tn("dashboard.minutes", minutes)
    }
}

/// A chart of bars, drawn in units of its view box.
struct Chart {
    bars: Vec<Bar>,
    lines: Vec<Line>,
    accepted: i64,
    refused: i64,
}

/// One day: both counts stand on each other.
struct Bar {
    x: i64,
    width: i64,
    accepted: i64,
    accepted_y: i64,
    accepted_height: i64,
    refused: i64,
    refused_y: i64,
    refused_height: i64,
    /// `25 Nov`
    date: String,
    /// Written below the bar, where there is room for it.
    label: String,
}

struct Line {
    y: i64,
    text_y: i64,
    value: i64,
}

/// The chart's ground, its top, and the place left of it for the numbers, in units of the view box (720 × 200).
const BOTTOM: i64 = 172;
const TOP: i64 = 12;
const LEFT: i64 = 40;
const WIDTH: i64 = 720;

impl Chart {
    fn new(l: &Layout, days: &[Day]) -> Self {
        let most = days.iter().map(|day| day.accepted + day.refused).max();
        let most = round_up(most.unwrap_or(0));
        let height = |count: i64| count * (BOTTOM - TOP) / most;
        let count = i64::try_from(days.len()).unwrap_or(1).max(1);
        let step = (WIDTH - LEFT) / count;
        let bars = (0_i64..).zip(days).map(|(at, day)| {
            let accepted_height = height(day.accepted);
            // Hardly any is still not none.
            let refused_height = height(day.refused).max(i64::from(day.refused > 0));
            let date = date(l, day);
            Bar {
                x: LEFT + at * step + 3,
                width: step - 6,
                accepted: day.accepted,
                accepted_y: BOTTOM - accepted_height,
                accepted_height,
                refused: day.refused,
                refused_y: BOTTOM - accepted_height - refused_height,
                refused_height,
                label: if (count - 1 - at) % 5 == 0 {
                    date.clone()
                } else {
                    String::new()
                },
                date,
            }
        });
        let lines = [0, most / 2, most].map(|value| Line {
            y: BOTTOM - height(value),
            text_y: BOTTOM - height(value) + 4,
            value,
        });
        Self {
            bars: bars.collect(),
            lines: lines.into(),
            accepted: days.iter().map(|day| day.accepted).sum(),
            refused: days.iter().map(|day| day.refused).sum(),
        }
    }
}

/// The next number that reads well and can be halved: 2, 4, 10, 20, 40, 100 …
fn round_up(most: i64) -> i64 {
    let mut decade = 1_i64;
    loop {
        for step in [2, 4, 10] {
            if most <= step * decade {
                return step * decade;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

fn date(l: &Layout, day: &Day) -> String {
    match l.spoken {
        Language::En => day.date.format("%-d %b").to_string(),
        Language::Ko => format!("{}월 {}일", day.date.month(), day.date.day()),
    }
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (most, end) in [
            (0, 2),
            (2, 2),
            (3, 4),
            (5, 10),
            (11, 20),
            (41, 100),
            (100, 100),
            (101, 200),
        ] {
            assert_eq!(round_up(most), end, "{most}");
        }
    }
}
