//! The data of the panel's first page: totals, logins per day, the latest audit events, and the uptime.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::domain::principal::UserType;
use crate::services::mutex::lock;
use crate::services::passwords::hash_format::HashFormat;
use crate::store::checklist::count_hashes_by_prefix;
use crate::store::login_history::{self, LoginsInPeriod};
use crate::store::{Db, Store, StoreError, totals};

/// The number of rows of each kind, and the size of the database.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Active internal users.
    pub users: i64,
    /// Active clients.
    pub clients: i64,
    /// Sessions that are neither ended nor expired.
    pub sessions: i64,
    /// Refresh tokens that have not expired.
    pub outstanding: i64,
    /// Blacklisted refresh tokens that have not expired.
    pub blacklisted: i64,
    /// Password hashes of Django that are left of an import, by format.
    pub django_hashes: Vec<(HashFormat, i64)>,
    /// The size of the database in bytes.
    pub database_size: i64,
    /// The version of the database.
    pub database_version: String,
    /// The time of this count.
    pub counted_at: Timestamp,
    /// The duration of this count.
    cost: Duration,
}

/// The logins of one day, to the API and to the admin panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginDay {
    /// The day, in the requested time zone.
    pub day: NaiveDate,
    /// How many succeeded.
    pub accepted: i64,
    /// How many were refused: wrong credentials, an inactive account, or no access to the admin panel.
    pub refused: i64,
}

/// The number of days in the chart of logins.
pub const DAYS: u64 = 30;

/// A count that took less time than this is repeated for each page.
const CHEAP: Duration = Duration::from_millis(20);
/// A slower count is reused until its age is this many times its duration. Counting thus takes at most a fiftieth of
/// the database's time, however often the page is opened.
const REUSE_FACTOR: u32 = 50;
/// The longest time a page waits for a new count: if there is an old one to show, and if there is none.
const WAIT_LIMITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// The start time of the server and the results of earlier counts. Clones share them.
#[derive(Clone)]
pub struct Dashboard(Arc<Inner>);

struct Inner {
    started_at: Timestamp,
    is_counting: AtomicBool,
    totals: watch::Sender<Option<Arc<Totals>>>,
    past_logins: Mutex<HashMap<Period, LoginsInPeriod>>,
}

/// From the first time, included, to the second one, excluded.
type Period = (Timestamp, Timestamp);

/// The logins of a period are counted again until its end is this far in the past: by then every event is committed.
const SETTLED_AFTER: Duration = Duration::from_mins(10);
/// The most periods whose logins are kept: days of 60 time zones.
const MAX_PAST_PERIODS: usize = 60 * 30;

impl Dashboard {
    /// For a server that is starting now.
    #[must_use]
    pub fn starting(clock: &Clock) -> Self {
        Self(Arc::new(Inner {
            started_at: clock.now(),
            is_counting: AtomicBool::new(false),
            totals: watch::Sender::new(None),
            past_logins: Mutex::default(),
        }))
    }

    /// When the server started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// How long the server has been running.
    #[must_use]
    pub fn uptime(&self, now: Timestamp) -> Duration {
        now.since(self.0.started_at)
    }

    fn last_totals(&self) -> Option<Arc<Totals>> {
        self.0.totals.borrow().clone()
    }

    /// The logins of those periods that were counted before and cannot change any more.
    fn known_logins(&self, periods: &[Period], now: Timestamp) -> HashMap<Period, LoginsInPeriod> {
        let mut past = lock(&self.0.past_logins);
        // After the clock was set back, a period that had ended may end in the future.
        past.retain(|(_, end), _| *end + SETTLED_AFTER <= now);
        periods
            .iter()
            .filter_map(|period| Some((*period, *past.get(period)?)))
            .collect()
    }

    fn keep_logins(&self, counted: &HashMap<Period, LoginsInPeriod>, now: Timestamp) {
        let mut past = lock(&self.0.past_logins);
        let settled = counted
            .iter()
            .filter(|((_, end), _)| *end + SETTLED_AFTER <= now);
        if past.len() + counted.len() > MAX_PAST_PERIODS {
            past.clear();
        }
        past.extend(settled);
    }

    /// Starts counting in the background, unless a count is running already.
    fn count(&self, store: &Store, clock: &Clock) {
        if self.0.is_counting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (own, store, clock) = (self.clone(), store.clone(), clock.clone());
        tokio::spawn(async move {
            let counted = count(&store, &clock).await;
            own.0.is_counting.store(false, Ordering::Release);
            match counted {
                Ok(totals) => {
                    own.0.totals.send_replace(Some(Arc::new(totals)));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot count the totals of the dashboard");
                    // Wakes the pages that wait for the result.
                    own.0.totals.send_modify(|_| ());
                }
            }
        });
    }

    /// The totals; `None` if the first count is not finished yet. A slow count is reused for some time, see
    /// [`Totals::counted_at`].
    pub async fn totals(&self, store: &Store, clock: &Clock) -> Option<Arc<Totals>> {
        let kept = self.last_totals();
        let is_fresh = |totals: &Totals| {
            let age = clock.now().since(totals.counted_at);
            totals.cost >= CHEAP && age < totals.cost * REUSE_FACTOR
        };
        if kept.as_deref().is_some_and(is_fresh) {
            return kept;
        }
        let mut counted = self.0.totals.subscribe();
        counted.mark_unchanged();
        self.count(store, clock);
        let (with_kept, without) = WAIT_LIMITS;
        let limit = kept.map_or(without, |_| with_kept);
        // After the time limit the previous count is shown; the new one is used from the next page on.
        let _ = tokio::time::timeout(limit, counted.changed()).await;
        self.last_totals()
    }

    /// The logins of the last [`DAYS`] days in a time zone, today last.
    ///
    /// They are counted from the audit events, so a day is complete as long as its events are retained. A login is counted
    /// on the day of the given zone that contains it. Days that are over are counted once for each time zone and start of
    /// the server.
    ///
    /// # Errors
    /// Those of [`Store::read_list`].
    pub async fn logins(
        &self,
        store: &Store,
        clock: &Clock,
        zone: Tz,
    ) -> Result<Vec<LoginDay>, StoreError> {
        let now = clock.now();
        let today = zone.from_utc_datetime(now.naive_utc()).date_naive();
        let days: Vec<(NaiveDate, Period)> = (0..DAYS)
            .rev()
            .filter_map(|back| today.checked_sub_days(Days::new(back)))
            .map(|day| {
                let end = start_of(day + Days::new(1), zone);
                (day, (start_of(day, zone), end))
            })
            .collect();
        let periods: Vec<Period> = days.iter().map(|(_, period)| *period).collect();
        let mut logins = self.known_logins(&periods, now);
        let unknown: Vec<Period> = periods
            .into_iter()
            .filter(|period| !logins.contains_key(period))
            .collect();
        let counted: HashMap<Period, LoginsInPeriod> = store
            .read_list(move |connection| {
                let counts = login_history::count_by_period(connection, &unknown)?;
                Ok::<_, StoreError>(unknown.iter().copied().zip(counts).collect())
            })
            .await?;
        self.keep_logins(&counted, now);
        logins.extend(counted);
        let days = days.into_iter().map(|(day, period)| LoginDay {
            day,
            accepted: logins.get(&period).map_or(0, |counted| counted.accepted),
            refused: logins.get(&period).map_or(0, |counted| counted.refused),
        });
        Ok(days.collect())
    }
}

async fn count(store: &Store, clock: &Clock) -> Result<Totals, StoreError> {
    let (begun, now) = (Instant::now(), clock.now());
    let mut totals = store
        .read_list(move |connection| {
            Ok::<_, StoreError>(Totals {
                users: totals::active_users(connection)?,
                clients: totals::active_clients(connection)?,
                sessions: totals::live_sessions(connection, now)?,
                outstanding: totals::outstanding_tokens(connection, now)?,
                blacklisted: totals::blacklisted_tokens(connection, now)?,
                django_hashes: django_hashes(connection)?,
                database_size: totals::database_size(connection)?,
                database_version: totals::database_version(connection)?,
                counted_at: now,
                cost: Duration::ZERO,
            })
        })
        .await?;
    totals.cost = begun.elapsed();
    Ok(totals)
}

fn django_hashes(connection: &mut Db) -> Result<Vec<(HashFormat, i64)>, StoreError> {
    let mut of = |user_type| -> Result<Vec<_>, StoreError> {
        // Of hashes of this program, one character is enough.
        let counts = count_hashes_by_prefix(connection, user_type, 1, None)?;
        let known = |(prefix, n): (String, i64)| Some((HashFormat::of_prefix(&prefix)?, n));
        Ok(counts.into_iter().filter_map(known).collect())
    };
    let (users, clients) = (of(UserType::User)?, of(UserType::Client)?);
    Ok(HashFormat::totals([&users, &clients]))
}

/// The first moment of a day in a time zone: midnight, or the end of the gap where the zone's clocks skip midnight.
#[must_use]
pub fn start_of(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    let first = (0..=48)
        .map(|half_hours| midnight + TimeDelta::minutes(30 * half_hours))
        .find_map(|local| zone.from_local_datetime(&local).earliest());
    let first = first.map_or(midnight.and_utc(), |at| at.to_utc());
    Timestamp::from_unix_micros(first.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};
    use chrono_tz::Tz;

    use super::start_of;

    fn hours_of(day: (i32, u32, u32), zone: Tz) -> u64 {
        let day = NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap();
        let end = start_of(day + Days::new(1), zone);
        end.since(start_of(day, zone)).as_secs() / 3600
    }

    #[test]
    fn a_day_begins_at_local_midnight_also_where_the_clocks_change() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 15).unwrap();
        let seoul = start_of(day, Tz::Asia__Seoul);
        assert_eq!(seoul.to_string(), "2026-02-14T15:00:00+00:00");
        assert_eq!(hours_of((2026, 2, 15), Tz::Asia__Seoul), 24);
        assert_eq!(hours_of((2026, 3, 29), Tz::Europe__Berlin), 23);
        assert_eq!(hours_of((2026, 10, 25), Tz::Europe__Berlin), 25);
        // Clocks go from 00:00 to 01:00.
        assert_eq!(hours_of((2026, 9, 6), Tz::America__Santiago), 23);
        assert_eq!(hours_of((2026, 9, 5), Tz::America__Santiago), 24);
    }
}
