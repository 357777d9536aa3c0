//! Mistakes about placements that can be made on purpose: on frames, in what a client asks of the member, in what the
//! store keeps.

use bytes::Bytes;
use lc_crdt::{Entry, Op};
use lc_member::Frame;
use lc_member::wire;
use lc_repl::Message;

/// A mistake in a world of placements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlacementBug {
    /// Entries leave as they were decided.
    SenderDoesNotStrip,
    /// A region passes on entries that came to it without some of their ops to regions that should have those.
    RelayPassesOn,
    /// Such an entry is taken by a region that should have it whole.
    StrippedTakenForWhole,
    /// A region takes an entry without some of its ops before it knows the placement by which they were withheld.
    VersionNotAwaited,
    /// Regions that know of a write and have nothing of it count as holding it.
    HoldsCountEverybody,
    /// A question to one region goes to all of them.
    QuestionToEverybody,
    /// A region that must not have a key answers that there is nothing under it.
    AnswersAllTheSame,
    /// Digests are of all rows, whoever they are told.
    DigestOfAllRows,
    /// Rows that must not be here any more stay in the store.
    RowsStay,
    /// A removal of everything names the counters of every table.
    ClearTellsResets,
    /// A restarted region does not know its tables until the next change.
    CatalogueForgottenAtStart,
}

impl PlacementBug {
    /// All of them.
    pub const ALL: [PlacementBug; 11] = [
        PlacementBug::SenderDoesNotStrip,
        PlacementBug::RelayPassesOn,
        PlacementBug::StrippedTakenForWhole,
        PlacementBug::VersionNotAwaited,
        PlacementBug::HoldsCountEverybody,
        PlacementBug::QuestionToEverybody,
        PlacementBug::AnswersAllTheSame,
        PlacementBug::DigestOfAllRows,
        PlacementBug::RowsStay,
        PlacementBug::ClearTellsResets,
        PlacementBug::CatalogueForgottenAtStart,
    ];

    /// The bug of this name, as [`std::fmt::Debug`] shows it.
    pub fn named(name: &str) -> Option<PlacementBug> {
        PlacementBug::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }

    /// A frame as it leaves. `whole` gives an entry as it was decided, `digest` that of all rows of the sender.
    pub(super) fn change_sent(self, frame: Bytes, whole: impl Fn(&Entry) -> Option<Entry>, digest: u128) -> Bytes {
        match wire::decode(frame.clone()) {
            Ok(Frame::Entries { entries, urgent }) => {
                change_entries(entries, urgent, |entry| self.change_entry(entry, &whole))
            }
            Ok(Frame::Control(mut message)) if self == PlacementBug::DigestOfAllRows => match &mut message {
                Message::Have { applied: Some(shared), .. } => {
                    shared.digest = digest;
                    wire::encode(&message)
                }
                _ => frame,
            },
            _ => frame,
        }
    }

    fn change_entry(self, entry: Entry, whole: impl Fn(&Entry) -> Option<Entry>) -> Entry {
        match self {
            PlacementBug::SenderDoesNotStrip if notes(&entry).next().is_some() => whole(&entry).unwrap_or(entry),
            PlacementBug::ClearTellsResets => {
                let clear = |op: &Op| matches!(op, Op::Clear { .. });
                let told = whole(&entry).and_then(|whole| whole.ops.into_iter().find(clear));
                let ops = entry.ops.iter().map(|op| match &told {
                    Some(told) if clear(op) => told.clone(),
                    _ => op.clone(),
                });
                Entry { ops: ops.collect(), ..entry }
            }
            _ => entry,
        }
    }

    /// A frame as it arrives where the catalogue has this version.
    pub(super) fn change_arrived(self, frame: Bytes, version: u64) -> Bytes {
        let forgotten = |note: u64| match self {
            PlacementBug::VersionNotAwaited => note > version,
            PlacementBug::StrippedTakenForWhole => true,
            _ => false,
        };
        match wire::decode(frame.clone()) {
            Ok(Frame::Entries { entries, urgent }) => change_entries(entries, urgent, |mut entry| {
                entry.ops.retain(|op| !matches!(op, Op::Withheld { version, .. } if forgotten(*version)));
                entry
            }),
            _ => frame,
        }
    }

    /// Whether regions pass on whatever they have when they are asked.
    pub(super) fn passes_on(self) -> bool {
        matches!(self, PlacementBug::RelayPassesOn | PlacementBug::StrippedTakenForWhole)
    }
}

fn change_entries(entries: Vec<Bytes>, urgent: bool, change: impl Fn(Entry) -> Entry) -> Bytes {
    let changed = entries.into_iter().filter_map(|bytes| {
        let mut out = Vec::new();
        change(Entry::decode(bytes).ok()?).encode(&mut out);
        Some(Bytes::from(out))
    });
    wire::encode(&Message::Entries { entries: changed.collect(), urgent })
}

/// The tables of which something was withheld.
pub(super) fn notes(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.ops.iter().filter_map(|op| match op {
        Op::Withheld { table, .. } => std::str::from_utf8(table).ok(),
        _ => None,
    })
}
