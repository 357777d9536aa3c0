//! What goes wrong, and the end of it: no more faults, no more clients; everything must become as it should in bounded time.

use std::time::Duration;

use super::{Event, PlacementWorld, ms};

impl PlacementWorld {
    pub(super) fn on_fault(&mut self) {
        if !self.busy {
            return;
        }
        self.after(self.rng.between(ms(100), ms(2500)), Event::NextFault);
        self.report.faults += 1;
        let count = self.places.len() as u64;
        let (region, lasts) = (self.rng.below(count) as usize, self.rng.between(ms(200), ms(5000)));
        let other = (region + 1 + self.rng.below(count - 1) as usize) % count as usize;
        match self.rng.below(10) {
            0..4 => {
                self.cut(region, other, lasts);
                self.cut(other, region, lasts);
            }
            4 => self.cut(region, other, lasts),
            5..7 => {
                for other in (0..self.places.len()).filter(|&other| other != region) {
                    self.cut(region, other, lasts);
                    self.cut(other, region, lasts);
                }
            }
            _ => self.crash(region, lasts),
        }
    }

    fn cut(&mut self, from: usize, to: usize, lasts: Duration) {
        self.trace.line(self.now, format_args!("{from} cut from {to} for {lasts:?}"));
        self.network.set_cut(from, to, true);
        self.after(lasts, Event::Heal { from, to });
        self.notice_down(from, to);
    }

    fn notice_down(&mut self, a: usize, b: usize) {
        let connection = self.network.connection(a, b);
        let delay = self.rng.between(ms(50), ms(1500));
        self.after(delay, Event::Down { a, b, connection });
    }

    fn crash(&mut self, index: usize, lasts: Duration) {
        self.check_alarms(index);
        if !self.places[index].crash(&self.rng) {
            return;
        }
        self.trace.line(self.now, format_args!("{index} crashes"));
        self.calls[index].clear();
        for other in (0..self.places.len()).filter(|&other| other != index) {
            self.notice_down(index, other);
        }
        self.after(lasts, Event::Start { region: index });
    }

    pub(super) fn start(&mut self, index: usize) {
        let place = &mut self.places[index];
        if place.member.is_some() {
            return;
        }
        let started = place.start(self.bug);
        let life = place.life;
        self.trace.line(self.now, format_args!("{index} starts"));
        match started {
            Ok(()) => {
                self.after(ms(1), Event::Tick { region: index, life });
                self.after(self.rng.between(ms(100), ms(2000)), Event::Flush { region: index, life });
            }
            Err(error) => self.violation("start", format!("{index}: {error}")),
        }
    }

    /// Nothing is wrong any more, and everybody learns of the newest tables.
    pub(super) fn heal(&mut self) {
        self.busy = false;
        self.network.calm();
        let version = self.plan.versions.len() - 1;
        for region in 0..self.places.len() {
            self.after(ms(1), Event::Start { region });
            let late = self.rng.between(ms(2), ms(2000));
            self.after(late, Event::Learn { region, version });
        }
    }

    /// All members end in the middle of the calm and start again.
    pub(super) fn start_all_again(&mut self) {
        for index in 0..self.places.len() {
            self.crash(index, ms(100));
        }
    }

    /// Whether everything came to rest.
    pub(super) fn settle(&mut self) -> bool {
        let begun = self.now;
        while self.now < begun + SETTLE_MAX {
            self.advance_to(self.now + LOOK_EVERY);
            if self.settled() {
                return self.compare_digests();
            }
        }
        let what = format!("not settled {} s after everything healed: {}", SETTLE_MAX.as_secs(), self.standings());
        self.violation("progress", what);
        false
    }

    /// At rest every two regions compare digests, or nobody would notice if their rows differed.
    fn compare_digests(&mut self) -> bool {
        self.compared.clear();
        let count = self.places.len();
        let pairs = count * (count - 1);
        let begun = self.now;
        while self.now < begun + COMPARE_MAX {
            self.advance_to(self.now + LOOK_EVERY);
            if self.compared.len() == pairs && self.settled() {
                return true;
            }
        }
        self.violation("digests", format!("{} of {pairs} are compared at rest", self.compared.len()));
        false
    }

    fn settled(&self) -> bool {
        let last = self.plan.versions.len() - 1;
        let answered = self.calls.iter().all(Vec::is_empty);
        if !answered || self.places.iter().any(|place| place.known != last) {
            return false;
        }
        let mut vectors = self.places.iter().map(|place| {
            let snapshot = place.member.as_ref()?.snapshot();
            (snapshot.applied == snapshot.durable).then_some(snapshot.applied)
        });
        let Some(Some(first)) = vectors.next() else { return false };
        vectors.all(|vector| vector.is_some_and(|vector| vector == first))
    }

    fn standings(&self) -> String {
        let standing = |(index, place): (usize, &super::place::Place)| match &place.member {
            Some(member) => {
                let snapshot = member.snapshot();
                let (calls, known) = (self.calls[index].len(), place.known);
                format!("{index} knows {known}, applied {}, {calls} requests wait", snapshot.applied)
            }
            None => format!("{index} is down"),
        };
        self.places.iter().enumerate().map(standing).collect::<Vec<_>>().join("; ")
    }
}

const SETTLE_MAX: Duration = Duration::from_secs(90);
const COMPARE_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(500);
