//! How old what is here may be: for each origin, until when nothing of what it acknowledged is missing.
//!
//! No clock of another machine is trusted. A peer tells which of our heartbeats it heard last and how long ago; so its
//! message was made at least that long after ours was sent, by our own clock, and what it says of itself held then. The
//! price is that everything seems older by up to one way there.

use std::collections::{BTreeMap, VecDeque};

use lc_core::{ReplicaId, VersionVector};

use crate::Time;

/// What a heartbeat says about time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pulse {
    /// The sender's monotonic time in ns; means nothing to anybody else.
    pub sent_ns: u64,
    /// The `sent_ns` of the receiver's message that was heard last, and how long ago in ns.
    pub echo: Option<(u64, u64)>,
    /// What the wall clock of the sender showed, Unix ms; 0: it does not tell.
    pub wall_ms: u64,
}

/// What a replica passes on about an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Whose writes.
    pub origin: ReplicaId,
    /// All that it had acknowledged has at most this sequence...
    pub seq: u64,
    /// ...as it was this long ago, ms.
    pub age_ms: u64,
}

/// Claims about every origin, by our own clock.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    origins: BTreeMap<ReplicaId, Claims>,
}

#[derive(Debug, Default)]
struct Claims {
    /// Nothing that was acknowledged before this is missing here.
    complete_until: Option<Time>,
    /// (sequence, moment): once that sequence is applied, everything up to that moment is here. Both grow.
    ahead: VecDeque<(u64, Time)>,
    newest: Option<(u64, Time)>,
}

impl Freshness {
    /// All that `origin` had acknowledged at our time `at` has at most sequence `seq`.
    pub(crate) fn claim(&mut self, origin: ReplicaId, seq: u64, at: Time, applied: &VersionVector) {
        let claims = self.origins.entry(origin).or_default();
        if claims.newest.is_none_or(|(_, newest)| newest < at) {
            claims.newest = Some((seq, at));
        }
        if seq <= applied.get(origin) {
            claims.complete_until = claims.complete_until.max(Some(at));
            return;
        }
        let full = claims.ahead.len() >= AHEAD_MAX;
        match claims.ahead.back_mut() {
            // The same sequence at a later moment says more; an older claim says nothing new.
            Some(last) if last.0 == seq => last.1 = last.1.max(at),
            Some(last) if last.1 >= at || last.0 > seq => {}
            // Full: the last one is made coarser, so that the first ones still come true one by one.
            Some(last) if full => *last = (seq, at),
            _ => claims.ahead.push_back((seq, at)),
        }
    }

    /// Takes note of what has been applied since.
    pub(crate) fn advance(&mut self, applied: &VersionVector) {
        for (origin, claims) in &mut self.origins {
            let applied_seq = applied.get(*origin);
            while let Some(&(seq, at)) = claims.ahead.front()
                && seq <= applied_seq
            {
                claims.complete_until = claims.complete_until.max(Some(at));
                claims.ahead.pop_front();
            }
        }
    }

    /// Until when nothing of the origin's is missing here; `None`: unknown.
    pub(crate) fn complete_until(&self, origin: ReplicaId) -> Option<Time> {
        self.origins.get(&origin)?.complete_until
    }

    /// The replicas of a node that anything is known of.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        self.origins.keys().copied()
    }

    /// What to pass on.
    pub(crate) fn known(&self, now: Time) -> Vec<Known> {
        let known = |(&origin, claims): (&ReplicaId, &Claims)| {
            let (seq, at) = claims.newest?;
            // Rounded up: what is passed on must not seem younger than it is.
            Some(Known { origin, seq, age_ms: now.saturating_sub(at).as_millis() as u64 + 1 })
        };
        self.origins.iter().filter_map(known).collect()
    }
}

/// Our heartbeats to one peer that it may still echo, and its last one that we echo.
#[derive(Debug, Default)]
pub(crate) struct Pulses {
    sent: VecDeque<u64>,
    heard: Option<(u64, Time)>,
}

impl Pulses {
    /// The pulse of a message that leaves now, while our wall clock shows `wall_ms`; 0: that is not told.
    pub(crate) fn next(&mut self, now: Time, wall_ms: u64) -> Pulse {
        let sent_ns = now.as_nanos() as u64;
        if self.sent.len() >= SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(sent_ns);
        let echo = self.heard.map(|(theirs, at)| (theirs, now.saturating_sub(at).as_nanos() as u64));
        Pulse { sent_ns, echo, wall_ms }
    }

    /// A pulse came; gives a moment of ours at or before which its message was made.
    pub(crate) fn heard(&mut self, now: Time, pulse: &Pulse) -> Option<Time> {
        // A late or doubled message must not make the next echo older than it is. But a peer that started anew begins
        // with a lower time, so what is not followed by anything higher for a while is of an earlier life. Either way an
        // echo is true.
        let overtaken =
            |(theirs, at): (u64, Time)| theirs < pulse.sent_ns || now.saturating_sub(at) > EARLIER_LIFE_AFTER;
        if self.heard.is_none_or(overtaken) {
            self.heard = Some((pulse.sent_ns, now));
        }
        let (ours, held_ns) = pulse.echo?;
        // What an earlier life of this node sent says nothing about this life's clock.
        if !self.sent.contains(&ours) {
            return None;
        }
        let made_at = Time::from_nanos(ours.saturating_add(held_ns));
        (made_at <= now).then(|| made_at.saturating_sub(CLOCK_RATE_SLACK))
    }
}

/// Claims kept ahead of what is applied.
const AHEAD_MAX: usize = 64;
/// Heartbeats that a peer may still echo: at four a second, about a minute.
const SENT_MAX: usize = 256;
/// No heartbeat higher than the last one for this long, several heartbeats: the peer's clock was set back.
const EARLIER_LIFE_AFTER: Time = Time::from_millis(1000);
/// Two clocks that run apart by 200 parts in a million differ by this much over five seconds of holding a message.
const CLOCK_RATE_SLACK: Time = Time::from_millis(1);

#[cfg(test)]
mod tests {
    use super::{Freshness, Pulse, Pulses};
    use crate::Time;
    use lc_core::{ReplicaId, VersionVector};

    const MS: fn(u64) -> Time = Time::from_millis;

    #[test]
    fn an_origin_is_as_old_as_the_last_claim_that_is_wholly_applied() {
        let (mut fresh, tokyo) = (Freshness::default(), ReplicaId(3));
        let mut applied = VersionVector::new();
        assert_eq!(fresh.complete_until(tokyo), None);
        fresh.claim(tokyo, 0, MS(100), &applied);
        fresh.claim(tokyo, 5, MS(200), &applied);
        fresh.claim(tokyo, 5, MS(300), &applied);
        fresh.claim(tokyo, 9, MS(400), &applied);
        assert_eq!(fresh.complete_until(tokyo), Some(MS(100)));
        applied.raise(tokyo, 7);
        fresh.advance(&applied);
        assert_eq!(fresh.complete_until(tokyo), Some(MS(300)));
        applied.raise(tokyo, 9);
        fresh.advance(&applied);
        assert_eq!(fresh.complete_until(tokyo), Some(MS(400)));
    }

    #[test]
    fn a_late_heartbeat_makes_nothing_younger() {
        let (mut paris, mut tokyo) = (Pulses::default(), Pulses::default());
        let sent = paris.next(MS(1000), 0);
        // Tokyo's clock has nothing to do with ours; it holds the echo for 40 ms.
        tokyo.heard(MS(77_000), &sent);
        let answer = tokyo.next(MS(77_040), 0);
        let made_at = paris.heard(MS(1300), &answer).expect("it echoes ours");
        assert_eq!(made_at, MS(1039));
        // The same message once more, much later, says the same.
        assert_eq!(paris.heard(MS(9000), &answer), Some(MS(1039)));
        // An echo of what another life sent says nothing.
        assert_eq!(paris.heard(MS(9000), &Pulse { sent_ns: 1, echo: Some((123, 0)), wall_ms: 0 }), None);
    }

    #[test]
    fn a_peer_that_started_anew_is_echoed_although_its_clock_began_at_zero() {
        let (mut earlier, mut paris, mut tokyo) = (Pulses::default(), Pulses::default(), Pulses::default());
        tokyo.heard(MS(500), &earlier.next(MS(70_000), 0));
        for beat in 0..6 {
            tokyo.heard(MS(700 + 250 * beat), &paris.next(MS(100 + 250 * beat), 0));
        }
        let answer = tokyo.next(MS(1_990), 0);
        assert_eq!(paris.heard(MS(1_500), &answer), Some(MS(1_389)));
    }
}
