//! Room on the disk. Below a reserve clients may only remove; what replication, flushes and compaction need is taken from the reserve.
//! When even that is used up nothing is taken, and what waits is written as soon as there is room: nobody has to start anything again.

use lc_crdt::Op;
use lc_repl::Time;

use super::Member;

/// What is known of the disk's room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Room {
    /// Bytes that may still be written; `None` where the disk does not tell, or has no bound.
    pub free_bytes: Option<u64>,
    /// Why a write to the journal waits, if one does.
    pub journal_waits: Option<String>,
    /// Why a flush of rows waits, if one does.
    pub flush_waits: Option<String>,
    low: bool,
    looked_at: Option<Time>,
}

impl Room {
    /// Nothing more can be taken from anybody: what is here already waits for room.
    pub fn is_used_up(&self) -> bool {
        self.journal_waits.is_some() || self.flush_waits.is_some()
    }

    /// Only the reserve is left.
    pub fn is_low(&self) -> bool {
        self.low
    }

    /// Why clients' writes are refused, if they are.
    pub fn refuses(&self) -> Option<String> {
        if let Some(why) = self.journal_waits.as_ref().or(self.flush_waits.as_ref()) {
            return Some(format!("the disk is full ({why}); reads go on, and so do writes once there is room"));
        }
        self.low.then(|| {
            let free = self.free_bytes.unwrap_or(0);
            format!(
                "the disk is nearly full: {free} bytes are free, which is less than disk_reserve_bytes; only removing is possible until there is room"
            )
        })
    }

    /// A disk that is nearly full may be full within a second.
    fn look_again_after(&self, reserve_bytes: u64) -> Time {
        let near = self.free_bytes.is_some_and(|free| free < reserve_bytes.saturating_mul(4));
        if near { LOOK_EVERY_NEAR } else { LOOK_EVERY }
    }

    fn look(&mut self, now: Time, free_bytes: Option<u64>, reserve_bytes: u64) {
        self.looked_at = Some(now);
        self.free_bytes = free_bytes;
        // Some more than the reserve must be free before writes go on, so that they do not stop and go all the time.
        let enough = if self.low { reserve_bytes.saturating_add(reserve_bytes / 16) } else { reserve_bytes };
        self.low = free_bytes.is_some_and(|free| free < enough);
    }
}

impl Member {
    /// Room on the disk, as far as it is known.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Measures the room about once a second, more often when little is left. A disk that does not tell counts as one with room: a write shows.
    pub(super) fn look_at_disk(&mut self, now: Time) {
        let every = self.room.look_again_after(self.settings.disk.reserve_bytes);
        if self.room.looked_at.is_some_and(|at| now.saturating_sub(at) < every && now >= at) {
            return;
        }
        let free = self.journal.room().ok().filter(|room| *room < u64::MAX);
        self.room.look(now, free, self.settings.disk.reserve_bytes);
    }

    /// Refuses a write before it is tried.
    pub(super) fn check_room(&mut self) -> Result<(), lc_db::Error> {
        if self.room.is_used_up() { self.refuse_for_room() } else { Ok(()) }
    }

    /// Refuses what a write has decided, unless it makes things smaller.
    pub(super) fn check_room_for(&mut self, ops: &[Op]) -> Result<(), lc_db::Error> {
        if self.room.is_low() && !ops.iter().all(removes) { self.refuse_for_room() } else { Ok(()) }
    }

    /// Takes note of whether the journal found room.
    pub(super) fn journal_waits(&mut self, why: Option<String>) {
        self.room.journal_waits = why;
    }

    /// Takes note of whether a flush found room.
    pub(super) fn flush_waits(&mut self, why: Option<String>) {
        self.room.flush_waits = why;
    }

    fn refuse_for_room(&mut self) -> Result<(), lc_db::Error> {
        let Some(why) = self.room.refuses() else { return Ok(()) };
        self.counters.writes_without_room += 1;
        Err(lc_db::Error::DiskFull(why))
    }
}

/// Whether an op leaves less to keep; its own entry is small, and the journal lets go of it.
fn removes(op: &Op) -> bool {
    matches!(op, Op::Remove { .. } | Op::Delete { .. } | Op::Clear { .. } | Op::Expire { at_ms: Some(_), .. })
}

const LOOK_EVERY: Time = Time::from_secs(1);
const LOOK_EVERY_NEAR: Time = Time::from_millis(100);

#[cfg(test)]
mod tests {
    use super::{Room, Time};

    #[test]
    fn writes_go_on_only_when_somewhat_more_than_the_reserve_is_free() {
        let mut room = Room::default();
        let mut free = |bytes: u64| {
            room.look(Time::ZERO, Some(bytes), 1600);
            room.refuses().is_none()
        };
        assert_eq!(
            [2000, 1600, 1599, 1600, 1699, 1700, 1600].map(&mut free),
            [true, true, false, false, false, true, true]
        );
    }

    #[test]
    fn a_disk_that_does_not_tell_its_room_refuses_nothing_until_something_found_none() {
        let mut room = Room::default();
        room.look(Time::ZERO, None, 1600);
        assert_eq!(room.refuses(), None);
        room.flush_waits = Some("commit rows: the disk is full".to_owned());
        assert!(room.is_used_up() && room.refuses().unwrap().contains("commit rows"));
    }
}
