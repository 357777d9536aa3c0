//! What would be lost if this region were lost now: its own writes that no other region holds.

use std::ops::ControlFlow;

use lc_core::Hlc;
use lc_crdt::Entry;
use lc_policy::Table;

use super::Member;

/// Writes of this node on one table that no other region holds, as far as this node has heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unheld {
    /// How many; `None`: no other region that has the table was ever heard.
    pub writes: Option<u64>,
    /// When the oldest of them was decided; `None` if there is none.
    pub oldest: Option<Hlc>,
    /// Looking further was given up: there may be more.
    pub at_least: bool,
}

impl Member {
    /// Counts them. Reads the journal from where other regions are, usually a few entries, and stops after
    /// 8 MiB of it.
    pub fn unheld(&self, table: &Table) -> Unheld {
        let peers = self.replicator.peers().filter(|(node, peer)| {
            let region = self.region_of(*node);
            region != self.settings.region && table.is_held_in(region) && self.is_whole_at(peer)
        });
        let Some(held) = peers.map(|(_, peer)| peer.have.get(self.me)).max() else { return Unheld::default() };
        let mut unheld = Unheld { writes: Some(0), ..Unheld::default() };
        if held >= self.last_seq {
            return unheld;
        }
        let (mut from, mut looked) = (self.journal.seek(self.me.0, held + 1), 0);
        while from < self.journal.durable() {
            let start = from;
            let read = self.journal.read(from, STRETCH_BYTES, |record| {
                looked += record.payload.len();
                if record.replica == self.me.0 && record.seq > held {
                    self.count_unheld(&record.payload, table, &mut unheld);
                }
                ControlFlow::Continue(())
            });
            from = read.unwrap_or(start);
            unheld.at_least = from == start || looked > LOOKED_BYTES_MAX;
            if unheld.at_least {
                break;
            }
        }
        unheld
    }

    fn count_unheld(&self, payload: &bytes::Bytes, table: &Table, unheld: &mut Unheld) {
        let Ok(entry) = Entry::decode(payload.clone()) else { return };
        let touches = |key: &bytes::Bytes| self.tables.of_key(key).name == table.name;
        if entry.ops.iter().any(|op| op.key().is_none_or(touches)) {
            unheld.writes = unheld.writes.map(|writes| writes + 1);
            unheld.oldest.get_or_insert(entry.hlc);
        }
    }
}

const STRETCH_BYTES: usize = 1 << 20;
const LOOKED_BYTES_MAX: usize = 8 << 20;
