//! What an administrator sees first: how much there is of everything, and how many log-ins were let in and refused on each
//! of the last days.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::{Error, Services};
use crate::{
    clock::Timestamp,
    store::{figures, login_counts},
};

/// How much there is of everything.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Internal users who may log in.
    pub users: i64,
    /// Clients who may log in.
    pub clients: i64,
    /// Sessions that have not ended.
    pub sessions: i64,
    /// Refresh tokens that are kept.
    pub outstanding: i64,
    /// Refresh tokens that are not accepted any more.
    pub blacklisted: i64,
    /// When they were counted.
    pub as_of: Timestamp,
}

/// Counting millions of rows takes its time: figures that were costly are used again for a while.
#[derive(Default)]
pub struct CountedFigures(Mutex<Option<(Figures, Duration)>>);

/// What costs less is counted anew each time.
const CHEAP: Duration = Duration::from_millis(20);
/// Figures are good for so many times what they cost.
const GOOD_FOR: u32 = 50;

impl CountedFigures {
    fn good(&self, now: Timestamp) -> Option<Figures> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (figures, cost) = (*counted)?;
        let is_good = cost > CHEAP && now.since(figures.as_of) < cost * GOOD_FOR;
        is_good.then_some(figures)
    }

    fn keep(&self, figures: Figures, cost: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((figures, cost));
    }
}

/// How much there is of everything, counted now or a little earlier.
///
/// # Errors
/// The store's.
pub async fn count(services: &Services) -> Result<Figures, Error> {
    let now = services.clock.now();
    if let Some(figures) = services.figures.good(now) {
        return Ok(figures);
    }
    let started = Instant::now();
    let figures = services
        .store
        .read(move |connection| {
            Ok::<_, Error>(Figures {
                users: figures::active_users(connection)?,
                clients: figures::active_clients(connection)?,
                sessions: figures::live_sessions(connection, now)?,
                outstanding: figures::outstanding_tokens(connection)?,
                blacklisted: figures::blacklisted_tokens(connection)?,
                as_of: now,
            })
        })
        .await?;
    services.figures.keep(figures, started.elapsed());
    Ok(figures)
}

/// The log-ins of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day in the viewer's calendar.
    pub date: NaiveDate,
    /// How many were let in.
    pub accepted: i64,
    /// How many were refused.
    pub refused: i64,
}

/// The log-ins of the last `days` days of the viewer's calendar, today the last one.
///
/// # Errors
/// The store's.
pub async fn log_ins(services: &Services, zone: Tz, days: u64) -> Result<Vec<Day>, Error> {
    let now = services.clock.now();
    // What this instance has counted and not written yet belongs to today.
    services.login_counts.write(&services.store, now).await?;
    let today = zone.from_utc_datetime(now.naive_utc()).date_naive();
    let first = today - Days::new(days.saturating_sub(1));
    // An hour is counted whole; a day earlier is early enough for every zone.
    let from = now - Duration::from_hours(24 * (days + 1));
    let hours = services
        .store
        .read(move |connection| login_counts::list_since(connection, from))
        .await?;
    let mut counted: Vec<Day> = first
        .iter_days()
        .take_while(|date| *date <= today)
        .map(|date| Day {
            date,
            accepted: 0,
            refused: 0,
        })
        .collect();
    for (hour, is_accepted, hits) in hours {
        let date = zone.from_utc_datetime(hour.naive_utc()).date_naive();
        if let Some(day) = counted.iter_mut().find(|day| day.date == date) {
            let side = if is_accepted {
                &mut day.accepted
            } else {
                &mut day.refused
            };
            *side += hits;
        }
    }
    Ok(counted)
}
