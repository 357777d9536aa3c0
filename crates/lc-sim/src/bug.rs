//! Bugs that can be put into the world on purpose, to see whether the checkers notice.
//!
//! Each stands for a mistake that somebody could make in the member, made here at its edge: on frames as they leave a
//! sender or arrive, on disks, in what a client asks of the member, or on when it hears OK.

mod frames;
mod journal;
mod ranges;

pub(crate) use frames::{Arrival, pulse_of};
pub(crate) use journal::falsify_journal;
pub(crate) use ranges::{Said, forget_rows};

use bytes::Bytes;
use lc_core::{Hlc, VersionVector};
use lc_crdt::{Entry, Number, Op};

/// A mistake in the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// A client hears OK when the entry is appended, not when it is durable.
    AcknowledgeBeforeDurable,
    /// Sync answers that all is well without doing anything.
    SyncLies,
    /// A restart finds the disk as it was some time ago.
    OldDisk,
    /// A sync that failed is tried again, and the second one passes.
    SyncRetried,
    /// What the page cache shows after a failed sync is taken for what the disk has.
    ShownTakenForStored,
    /// The directory is not synced when a file was made or renamed.
    DirectoryNotSynced,
    /// A write for which there was no room is taken for written.
    FullTakenForWritten,
    /// A block that cannot be read is taken for the end of its file.
    UnreadableTakenForEnd,
    /// A torn record at the end of the journal is taken for whole.
    TornTailTaken,
    /// A record that rotted is taken as it is.
    RotTaken,
    /// A start after a crash takes the end for one in good order, and uses dots again.
    CrashUnnoticed,
    /// Rows are written to the store before the journal has their entries for certain.
    StoreAheadOfJournal,
    /// A commit that a crash interrupts leaves half of its rows.
    CommitTorn,
    /// Entries travel without their dependencies.
    DependenciesForgotten,
    /// A write claims to have seen everything.
    DependenciesInvented,
    /// One op of a transaction gets lost on the way.
    HalfTransaction,
    /// Entries get lost and the next one claims that nothing was there.
    EntrySwallowed,
    /// A relay stamps entries with its own time.
    StampChanged,
    /// An increment counts once more at one receiver.
    IncrementDoubled,
    /// Removals forget which increments they saw.
    ResetsForgotten,
    /// An expiry arrives a second later than it was chosen.
    ExpiryShifted,
    /// A set addition is taken for a set removal when an entry is old.
    AddBecomesRemove,
    /// A greeting claims more than is there.
    GreetingClaimsMore,
    /// A value is cut short on the way.
    ValueTruncated,
    /// A deletion of a key misses one region.
    DeletionForgotten,
    /// A peer's wall clock is taken to show what one's own does, so that none is ever apart.
    ClocksNeverApart,
    /// A region that knows nothing about how stale it is takes itself for fresh.
    UnknownStalenessIsZero,
    /// A heartbeat counts from when it comes, not from when it can have been made.
    LateHeartbeatIsNew,
    /// A write waits for one region less than its table asks for.
    HoldReleasedEarly,
    /// A region tells that it has what its peer has decided, before it does.
    PeerClaimsMore,
    /// A client that is refused an acknowledgement is told of one region too many.
    RefusalClaimsMore,
    /// A session that comes from elsewhere begins anew.
    SessionForgottenAtMove,
    /// What another region's answer showed is not part of the session.
    SeenForgotten,
    /// Another region answers a read without being asked to have what the session has seen.
    QuestionForgetsSession,
    /// A quorum read asks one region less than it should.
    QuorumOneShort,
    /// A region answers a quorum read as if it had removed everything.
    AnswerWithoutRows,
    /// A region answers a quorum read without telling what it has seen removed.
    AnswerWithoutVector,
    /// A restart loses the conflict ledger.
    LedgerForgotten,
    /// The ledger lets losses go long before its bound.
    LedgerKeepsLittle,
    /// One region takes the lowest where the table says the highest.
    RuleMixedUp,
    /// A restarted region goes by default tables until the next change.
    PolicyForgottenAtStart,
    /// Keys are collapsed by a region that does not go by the new rule yet.
    CollapsedUnderOldRule,
    /// Records come with a vector of more than they are.
    RecordsClaimMore,
    /// Records come with a vector of less than they are.
    RecordsClaimLess,
    /// Of the records that are sent, the last key is left out.
    RecordsLeftOut,
    /// Whatever the asker named as known counts as unchanged, once something is.
    KnownTakenForSame,
    /// A stretch of which only the beginning was sent is taken for whole.
    CutForgotten,
    /// A question is answered with the records that were read for the one before.
    AnswerOfQuestionBefore,
    /// The asker's own sums come back to it.
    SumsAlwaysEqual,
    /// Sums come with what is applied when they are told, not when the look at the records began.
    SumsOfNow,
    /// A region tells that its journal reaches back to the beginning.
    JournalClaimsAll,
    /// A region that wants no entries while it gets records never wants any again.
    PauseNeverEnds,
    /// A restart loses which entries came as records, and never to the journal.
    AdoptedForgotten,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 53] = [
        Bug::AcknowledgeBeforeDurable,
        Bug::SyncLies,
        Bug::OldDisk,
        Bug::SyncRetried,
        Bug::ShownTakenForStored,
        Bug::DirectoryNotSynced,
        Bug::FullTakenForWritten,
        Bug::UnreadableTakenForEnd,
        Bug::TornTailTaken,
        Bug::RotTaken,
        Bug::CrashUnnoticed,
        Bug::StoreAheadOfJournal,
        Bug::CommitTorn,
        Bug::DependenciesForgotten,
        Bug::DependenciesInvented,
        Bug::HalfTransaction,
        Bug::EntrySwallowed,
        Bug::StampChanged,
        Bug::IncrementDoubled,
        Bug::ResetsForgotten,
        Bug::ExpiryShifted,
        Bug::AddBecomesRemove,
        Bug::GreetingClaimsMore,
        Bug::ValueTruncated,
        Bug::DeletionForgotten,
        Bug::ClocksNeverApart,
        Bug::UnknownStalenessIsZero,
        Bug::LateHeartbeatIsNew,
        Bug::HoldReleasedEarly,
        Bug::PeerClaimsMore,
        Bug::RefusalClaimsMore,
        Bug::SessionForgottenAtMove,
        Bug::SeenForgotten,
        Bug::QuestionForgetsSession,
        Bug::QuorumOneShort,
        Bug::AnswerWithoutRows,
        Bug::AnswerWithoutVector,
        Bug::LedgerForgotten,
        Bug::LedgerKeepsLittle,
        Bug::RuleMixedUp,
        Bug::PolicyForgottenAtStart,
        Bug::CollapsedUnderOldRule,
        Bug::RecordsClaimMore,
        Bug::RecordsClaimLess,
        Bug::RecordsLeftOut,
        Bug::KnownTakenForSame,
        Bug::CutForgotten,
        Bug::AnswerOfQuestionBefore,
        Bug::SumsAlwaysEqual,
        Bug::SumsOfNow,
        Bug::JournalClaimsAll,
        Bug::PauseNeverEnds,
        Bug::AdoptedForgotten,
    ];

    /// The bug of this name, as [`std::fmt::Debug`] shows it.
    pub fn named(name: &str) -> Option<Bug> {
        Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }

    /// Changes entries in a frame on its way. `None` swallows an entry. Bugs of other places leave it alone.
    pub(crate) fn change_entry(self, mut entry: Entry) -> Option<Entry> {
        match self {
            Bug::DependenciesForgotten => entry.deps = VersionVector::new(),
            Bug::DependenciesInvented => {
                entry.deps = entry.deps.iter().map(|(replica, seq)| (replica, seq.saturating_sub(1))).collect()
            }
            Bug::HalfTransaction if entry.ops.len() > 1 => {
                entry.ops.pop();
            }
            Bug::EntrySwallowed if entry.dot.seq % 16 == 7 => return None,
            Bug::StampChanged if entry.dot.seq % 4 == 1 => entry.hlc = Hlc(entry.hlc.0 + (1 << 20)),
            _ => entry.ops.iter_mut().for_each(|op| self.change_op(op)),
        }
        if self == Bug::DeletionForgotten {
            entry.ops.retain(|op| !matches!(op, Op::Delete { .. } | Op::Clear { .. }));
        }
        Some(entry)
    }

    fn change_op(self, op: &mut Op) {
        match (self, op) {
            (Bug::IncrementDoubled, Op::Add { added, .. }) => added.after = added.after.plus(Number::Int(1)),
            (Bug::ResetsForgotten, Op::Put { resets, .. } | Op::Remove { resets, .. }) => resets.clear(),
            (Bug::ResetsForgotten, Op::Delete { resets, .. } | Op::Clear { resets }) => resets.clear(),
            (Bug::ExpiryShifted, Op::Expire { at_ms: Some(ms), .. }) => *ms += 1000,
            (Bug::ExpiryShifted, Op::Put { expires_ms: Some(ms), .. }) => *ms += 1000,
            (Bug::ValueTruncated, Op::Put { at, value, .. }) if at.kind != lc_crdt::Kind::Sorted && value.len() > 3 => {
                *value = Bytes::copy_from_slice(&value[..3]);
            }
            (Bug::AddBecomesRemove, op) => add_becomes_remove(op),
            _ => {}
        }
    }
}

fn add_becomes_remove(op: &mut Op) {
    if let Op::Put { at, .. } = op
        && at.kind == lc_crdt::Kind::Set
    {
        *op = Op::Remove { at: at.clone(), resets: Vec::new() };
    }
}
