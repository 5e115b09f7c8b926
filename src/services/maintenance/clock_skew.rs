//! Detection of clock skew before a flush. With a clock that is ahead, rows would be deleted that have not expired, and
//! correcting the clock does not bring them back. The regular flush therefore runs only if the clock has advanced as much as
//! the machine's uptime, and agrees with the clock of Postgres.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::clock::{Clock, Timestamp};
use crate::services::bootstrap::Services;
use crate::store::{Db, StoreError};

/// The tolerated skew: as long as a flush keeps expired rows.
const TOLERANCE: Duration = Duration::from_mins(5);
/// How long a clock that has jumped must advance evenly before it is trusted again: the operator's time to correct it.
const TRUSTED_AFTER: Duration = Duration::from_hours(24);

/// Why the clock is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// It jumped ahead by this much.
    Ahead(Duration),
    /// It jumped back by this much.
    Back(Duration),
    /// It differs from the clock of Postgres by this much.
    Apart(Duration),
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, by) = match self {
            Self::Ahead(by) => ("the clock jumped ahead by", by),
            Self::Back(by) => ("the clock jumped back by", by),
            Self::Apart(by) => ("the clock differs from the database's by", by),
        };
        write!(f, "{what} {} s", by.as_secs())
    }
}

/// The clock and the machine's uptime, read together.
#[derive(Clone, Copy)]
struct Reading {
    clock: Timestamp,
    uptime: Instant,
}

impl Reading {
    /// The skew since another reading, if it is not tolerated.
    fn skew_since(&self, before: &Self) -> Option<ClockSkew> {
        let uptime = self.uptime.saturating_duration_since(before.uptime);
        let expected = before.clock + uptime;
        let (ahead, back) = (self.clock.since(expected), expected.since(self.clock));
        if ahead > TOLERANCE {
            Some(ClockSkew::Ahead(ahead))
        } else if back > TOLERANCE {
            Some(ClockSkew::Back(back))
        } else {
            None
        }
    }
}

/// Compares the clock with the uptime from one flush to the next.
pub struct ClockWatch {
    /// The last trusted reading.
    trusted: Reading,
    /// The first reading after a jump.
    jumped: Option<Reading>,
}

impl ClockWatch {
    /// Trusts the present reading of the clock.
    #[must_use]
    pub fn start(clock: &Clock) -> Self {
        Self {
            trusted: read(clock),
            jumped: None,
        }
    }

    /// Reads the clock, and returns the skew if a flush should wait. A clock that jumped is not trusted until it is correct
    /// again, or has advanced evenly for a day.
    ///
    /// # Errors
    /// Errors of the store, if the clock of Postgres cannot be read.
    pub async fn check(&mut self, services: &Services) -> Result<Option<ClockSkew>, StoreError> {
        if let Some(skew) = self.advance(read(&services.clock)) {
            return Ok(Some(skew));
        }
        let database = services.store.read(Db::clock).await?;
        let now = services.clock.now();
        let difference = database.map(|at| now.since(at).max(at.since(now)));
        Ok(difference
            .filter(|by| *by > TOLERANCE)
            .map(ClockSkew::Apart))
    }

    fn advance(&mut self, now: Reading) -> Option<ClockSkew> {
        if let Some(skew) = now.skew_since(&self.trusted) {
            let since = *self.jumped.get_or_insert(now);
            if now.skew_since(&since).is_some() {
                self.jumped = Some(now);
                return Some(skew);
            }
            if now.uptime.saturating_duration_since(since.uptime) < TRUSTED_AFTER {
                return Some(skew);
            }
        }
        self.trusted = now;
        self.jumped = None;
        None
    }
}

fn read(clock: &Clock) -> Reading {
    Reading {
        clock: clock.now(),
        uptime: Instant::now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);

    /// A watch, and a function for the reading of a clock that is off by `ahead - back` after an uptime.
    fn watch() -> (ClockWatch, impl Fn(Duration, Duration, Duration) -> Reading) {
        let trusted = Reading {
            clock: Timestamp::EPOCH + DAY * 365,
            uptime: Instant::now(),
        };
        let watch = ClockWatch {
            trusted,
            jumped: None,
        };
        let reading = move |uptime: Duration, ahead: Duration, back: Duration| Reading {
            clock: trusted.clock + uptime + ahead - back,
            uptime: trusted.uptime + uptime,
        };
        (watch, reading)
    }

    #[test]
    fn a_clock_that_advances_evenly_is_trusted_however_long() {
        let (mut watch, at) = watch();
        // Twenty seconds each hour, as an adjustment would.
        for hour in 1..1_000 {
            let off = Duration::from_secs(20) * hour;
            assert_eq!(watch.advance(at(HOUR * hour, off, Duration::ZERO)), None);
        }
    }

    #[test]
    fn a_clock_that_jumped_is_not_trusted_until_it_is_correct_again() {
        let (mut watch, at) = watch();
        let (jump, none) = (DAY * 60, Duration::ZERO);
        for (hours, ahead, back, expected) in [
            (1, jump, none, Some(ClockSkew::Ahead(jump))),
            (20, jump, none, Some(ClockSkew::Ahead(jump))),
            (21, none, none, None),
            (22, none, HOUR, Some(ClockSkew::Back(HOUR))),
        ] {
            assert_eq!(watch.advance(at(HOUR * hours, ahead, back)), expected);
        }
    }

    #[test]
    fn a_clock_that_jumped_is_trusted_after_a_day() {
        let (mut watch, at) = watch();
        let jump = DAY * 60;
        let mut is_trusted = |hours, ahead| {
            let now = at(HOUR * hours, ahead, Duration::ZERO);
            watch.advance(now).is_none()
        };
        for hour in 1..=24 {
            assert!(!is_trusted(hour, jump), "{hour}");
        }
        assert!(is_trusted(25, jump));
        assert!(is_trusted(26, jump));
        // Another jump starts another day.
        assert!(!is_trusted(27, jump * 2));
        assert!(!is_trusted(28, jump * 3));
        assert!(!is_trusted(51, jump * 3));
        assert!(is_trusted(52, jump * 3));
    }
}
