//! One origin's entries on their way to one peer.

use std::collections::VecDeque;

use crate::Time;

/// What was sent and not acknowledged yet. A stall sends again from the last acknowledged entry.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Highest sequence sent.
    pub sent: u64,
    /// Highest sequence that the peer has durably.
    pub acked: u64,
    /// Until when a relayed stream runs without being asked again; an own stream has no end.
    pub until: Option<Time>,
    in_flight: VecDeque<(u64, usize)>,
    in_flight_bytes: usize,
    progress_at: Time,
    stalls: u32,
}

impl Stream {
    pub(crate) fn new(after: u64, until: Option<Time>, now: Time) -> Stream {
        Stream {
            sent: after,
            acked: after,
            until,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            progress_at: now,
            stalls: 0,
        }
    }

    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    pub(crate) fn on_sent(&mut self, now: Time, last: u64, bytes: usize) {
        if self.in_flight.is_empty() {
            self.progress_at = now;
        }
        self.sent = last;
        self.in_flight.push_back((last, bytes));
        self.in_flight_bytes += bytes;
    }

    pub(crate) fn on_acked(&mut self, now: Time, acked: u64) {
        if acked <= self.acked {
            return;
        }
        self.acked = acked;
        self.sent = self.sent.max(acked);
        self.progress_at = now;
        self.stalls = 0;
        while let Some(&(last, bytes)) = self.in_flight.front() {
            if last > acked {
                break;
            }
            self.in_flight.pop_front();
            self.in_flight_bytes -= bytes;
        }
    }

    /// Goes back to what was acknowledged when nothing has moved for `patience`, doubled at each further stall.
    pub(crate) fn check_stall(&mut self, now: Time, patience: Time) {
        let patience = patience * (1 << self.stalls.min(STALL_DOUBLINGS_MAX));
        if self.sent > self.acked && now.saturating_sub(self.progress_at) > patience {
            self.rewind(now, self.acked);
            self.stalls += 1;
        }
    }

    /// Sends again from the entry after `after`.
    pub(crate) fn rewind(&mut self, now: Time, after: u64) {
        self.sent = after;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.progress_at = now;
    }
}

/// A peer that takes nothing is tried again at least every 16th of its patience.
const STALL_DOUBLINGS_MAX: u32 = 4;
