//! The revoked indexes of the status lists. A mark is removed when the last access token that it revokes has expired, so that
//! the lists stay small.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::domain::status_index::{LIST_SIZE, StatusIndex};
use crate::services::mutex::lock;

/// The bytes of a list with one bit for each index.
const LIST_BYTES: usize = LIST_SIZE as usize / 8;

/// The marks of one list at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// A number that changes when a mark is added or removed.
    pub version: u64,
    /// One bit for each index, from the least significant bit of the first byte.
    pub bits: Vec<u8>,
}

struct List {
    marks: Marks,
    /// The positions of the marks, and when each is removed, in seconds of uptime.
    expiries: Vec<(u32, u32)>,
}

/// The marks of all lists: 8 bytes for each, and 128 KiB for each list that has any.
#[derive(Default)]
pub struct StatusMarks(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lists: HashMap<u64, List>,
    version: u64,
}

impl StatusMarks {
    /// Marks an index. The mark is removed after `lifetime`.
    pub fn insert(&self, index: StatusIndex, uptime: Duration, lifetime: Duration) {
        let mut inner = lock(&self.0);
        let version = inner.version + 1;
        let list = inner.lists.entry(index.list()).or_insert_with(List::empty);
        let position = index.position();
        // An event is read again after its connection was lost.
        if !list.is_marked(position) {
            list.flip(position);
            list.expiries
                .push((position, seconds(uptime + lifetime).saturating_add(1)));
            list.marks.version = version;
            inner.version = version;
        }
    }

    /// The version of a list; 0 if it has no marks.
    #[must_use]
    pub fn version(&self, list: u64) -> u64 {
        let inner = lock(&self.0);
        inner.lists.get(&list).map_or(0, |list| list.marks.version)
    }

    /// The marks of a list.
    #[must_use]
    pub fn of(&self, list: u64) -> Marks {
        let inner = lock(&self.0);
        let marks = inner.lists.get(&list).map(|list| list.marks.clone());
        marks.unwrap_or_else(|| List::empty().marks)
    }

    /// Removes the expired marks.
    pub fn remove_expired(&self, uptime: Duration) {
        let now = seconds(uptime);
        let mut inner = lock(&self.0);
        let version = inner.version + 1;
        for list in inner.lists.values_mut() {
            list.remove_expired(now, version);
        }
        inner.lists.retain(|_, list| !list.expiries.is_empty());
        inner.version = version;
    }
}

impl List {
    fn empty() -> Self {
        Self {
            marks: Marks {
                version: 0,
                bits: vec![0; LIST_BYTES],
            },
            expiries: Vec::new(),
        }
    }

    fn is_marked(&self, position: u32) -> bool {
        self.marks.bits[position as usize / 8] & (1 << (position % 8)) != 0
    }

    fn flip(&mut self, position: u32) {
        self.marks.bits[position as usize / 8] ^= 1 << (position % 8);
    }

    fn remove_expired(&mut self, now: u32, version: u64) {
        let (expired, kept): (Vec<_>, Vec<_>) = self
            .expiries
            .iter()
            .partition(|(_, expires_at)| *expires_at <= now);
        if expired.is_empty() {
            return;
        }
        for (position, _) in expired {
            self.flip(position);
        }
        self.expiries = kept;
        self.marks.version = version;
    }
}

fn seconds(uptime: Duration) -> u32 {
    u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn index(number: i64) -> StatusIndex {
        StatusIndex::new(number).unwrap()
    }

    #[test]
    fn a_mark_is_a_bit_of_its_list_until_it_expires() {
        let marks = StatusMarks::default();
        assert_eq!(marks.version(0), 0);
        marks.insert(index(0), HOUR, HOUR);
        marks.insert(index(9), HOUR, HOUR * 3);
        let second = i64::from(LIST_SIZE) + 7;
        marks.insert(index(second), HOUR, HOUR);
        assert_eq!(marks.of(0).bits[..3], [0b1, 0b10, 0]);
        assert_eq!(marks.of(1).bits[..2], [0b1000_0000, 0]);
        assert_eq!(marks.of(0).bits.len(), 131_072);
        assert_eq!(marks.of(2).bits, vec![0; 131_072]);
        let before = marks.version(0);
        marks.insert(index(9), HOUR, HOUR);
        assert_eq!(marks.version(0), before, "it was marked already");
        marks.remove_expired(HOUR * 2 + Duration::from_secs(2));
        assert_eq!(marks.of(0).bits[..2], [0, 0b10]);
        assert!(marks.version(0) > before);
        assert_eq!(marks.version(1), 0);
    }
}
