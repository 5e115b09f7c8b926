//! Whether the clock can be trusted with a flush. What a clock that is ahead calls expired is not, and what is deleted does
//! not come back when the clock is set right: so the server flushes by itself only when the clock has gone as fast as the
//! machine's own uptime, and agrees with Postgres's.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{
    clock::{Clock, Timestamp},
    services::bootstrap::Services,
    store::{Db, StoreError},
};

/// How far the clock may be off: as far as a flush lets expired rows lie.
const TOLERANCE: Duration = Duration::from_mins(5);
/// How long a clock that has jumped must have gone evenly to be believed: an operator has that long to set it right.
const BELIEVED_AFTER: Duration = Duration::from_hours(24);

/// Why a clock is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// It jumped ahead by so much.
    Ahead(Duration),
    /// It jumped back by so much.
    Back(Duration),
    /// It is off Postgres's clock by so much.
    Apart(Duration),
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, by) = match self {
            Self::Ahead(by) => ("the clock jumped ahead by", by),
            Self::Back(by) => ("the clock jumped back by", by),
            Self::Apart(by) => ("the clock and the database's are apart by", by),
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
    /// By how much the clock went faster than the uptime since another reading, and by how much slower.
    fn drift(&self, before: &Self) -> (Duration, Duration) {
        let uptime = self.uptime.saturating_duration_since(before.uptime);
        let expected = before.clock + uptime;
        (self.clock.since(expected), expected.since(self.clock))
    }

    /// Why the clock is not believed to have gone evenly, if it is not.
    fn doubt(&self, before: &Self) -> Option<ClockSkew> {
        let (ahead, back) = self.drift(before);
        if ahead > TOLERANCE {
            Some(ClockSkew::Ahead(ahead))
        } else if back > TOLERANCE {
            Some(ClockSkew::Back(back))
        } else {
            None
        }
    }
}

/// Watches a clock from one flush to the next.
pub struct ClockWatch {
    /// When the clock was last trusted.
    trusted: Reading,
    /// The first reading after a jump.
    jumped: Option<Reading>,
}

impl ClockWatch {
    /// Trusts the clock as it is now.
    #[must_use]
    pub fn start(clock: &Clock) -> Self {
        Self {
            trusted: read(clock),
            jumped: None,
        }
    }

    /// Looks at the clock again: nothing, or why a flush should wait. One that jumped is doubted until it is right again, or
    /// has gone evenly for a day.
    ///
    /// # Errors
    /// The store's, when Postgres's clock cannot be read.
    pub async fn look(&mut self, services: &Services) -> Result<Option<ClockSkew>, StoreError> {
        if let Some(doubt) = self.judge(read(&services.clock)) {
            return Ok(Some(doubt));
        }
        let database = services.store.read(Db::clock).await?;
        let now = services.clock.now();
        let apart = database.map(|at| now.since(at).max(at.since(now)));
        Ok(apart.filter(|by| *by > TOLERANCE).map(ClockSkew::Apart))
    }

    fn judge(&mut self, now: Reading) -> Option<ClockSkew> {
        if let Some(doubt) = now.doubt(&self.trusted) {
            let since = *self.jumped.get_or_insert(now);
            if now.doubt(&since).is_some() {
                self.jumped = Some(now);
                return Some(doubt);
            }
            if now.uptime.saturating_duration_since(since.uptime) < BELIEVED_AFTER {
                return Some(doubt);
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

    /// A watch, and the readings of a clock that is off by `ahead - back` after so much uptime.
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
    fn a_clock_that_goes_evenly_is_trusted_however_long() {
        let (mut watch, at) = watch();
        // Twenty seconds each hour: it is being adjusted.
        for hour in 1..1_000 {
            let off = Duration::from_secs(20) * hour;
            assert_eq!(watch.judge(at(HOUR * hour, off, Duration::ZERO)), None);
        }
    }

    #[test]
    fn a_clock_that_jumped_is_doubted_until_it_is_right_again() {
        let (mut watch, at) = watch();
        let jump = DAY * 60;
        assert_eq!(
            watch.judge(at(HOUR, jump, Duration::ZERO)),
            Some(ClockSkew::Ahead(jump))
        );
        assert_eq!(
            watch.judge(at(HOUR * 20, jump, Duration::ZERO)),
            Some(ClockSkew::Ahead(jump))
        );
        assert_eq!(
            watch.judge(at(HOUR * 21, Duration::ZERO, Duration::ZERO)),
            None
        );
        assert_eq!(
            watch.judge(at(HOUR * 22, Duration::ZERO, HOUR)),
            Some(ClockSkew::Back(HOUR))
        );
    }

    #[test]
    fn a_clock_that_was_set_right_is_believed_after_a_day() {
        let (mut watch, at) = watch();
        let jump = DAY * 60;
        for hour in 1..=24 {
            assert!(
                watch.judge(at(HOUR * hour, jump, Duration::ZERO)).is_some(),
                "{hour}"
            );
        }
        assert_eq!(watch.judge(at(HOUR * 25, jump, Duration::ZERO)), None);
        assert_eq!(watch.judge(at(HOUR * 26, jump, Duration::ZERO)), None);
        // Another jump begins another day.
        assert!(
            watch
                .judge(at(HOUR * 27, jump * 2, Duration::ZERO))
                .is_some()
        );
        assert!(
            watch
                .judge(at(HOUR * 28, jump * 3, Duration::ZERO))
                .is_some()
        );
        assert!(
            watch
                .judge(at(HOUR * 51, jump * 3, Duration::ZERO))
                .is_some()
        );
        assert_eq!(watch.judge(at(HOUR * 52, jump * 3, Duration::ZERO)), None);
    }
}
