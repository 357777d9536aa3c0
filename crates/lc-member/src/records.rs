//! The rows of a member: the store's table, with digest, key count, undo, and notes for watchers.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{ReplicaId, VersionVector, wire};
use lc_crdt::{Address, Digest, Head, Kind, Meeting, Merge, RowError, RowKind, Rows, Sibling};
use lc_journal::Position;
use lc_policy::Tables;
use lc_store::{RowIter, RowTable, Store};

use crate::missing::Missing;
use crate::recount::Recount;
use crate::shares::Shares;
use crate::unsynced::key_hash;
use crate::watches::Watches;

/// Where the rows stand: written with them in the same batch, so that a restart knows where to go on.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Standing {
    /// What is applied.
    pub applied: VersionVector,
    /// Everything before this place in the journal is applied.
    pub position: Position,
    /// Of heads and elements.
    pub digest: Digest,
    /// Keys that exist.
    pub keys: u64,
    /// Highest stamp seen.
    pub hlc: lc_core::Hlc,
}

impl Standing {
    fn encode(&self) -> Bytes {
        let mut out = vec![STANDING_VERSION];
        self.applied.encode(&mut out);
        wire::put_varint(&mut out, self.position.0);
        out.extend_from_slice(&self.digest.0.to_le_bytes());
        wire::put_varint(&mut out, self.keys);
        wire::put_varint(&mut out, self.hlc.0);
        Bytes::from(out)
    }

    pub(crate) fn decode(bytes: Bytes) -> Result<Standing, wire::Malformed> {
        let mut reader = wire::Reader::new(bytes);
        reader.version(STANDING_VERSION, "standing version")?;
        let applied = VersionVector::decode(&mut reader)?;
        let position = Position(reader.varint("position")?);
        let digest = reader.take(16, "digest")?;
        let digest = Digest(u128::from_le_bytes(digest.as_ref().try_into().expect("take() gave sixteen bytes")));
        let keys = reader.varint("keys")?;
        Ok(Standing { applied, position, digest, keys, hlc: lc_core::Hlc(reader.varint("hlc")?) })
    }
}

pub(crate) struct Records {
    pub table: RowTable<dyn Store>,
    pub digest: Digest,
    pub keys: u64,
    pub watches: Watches,
    /// Rules of the tables, to tell which of several values lost.
    pub tables: Arc<Tables>,
    /// Digests of tables that not every region has.
    pub shares: Shares,
    /// Keys whose rows the medium did not give back.
    pub missing: Missing,
    /// How often something was found missing.
    pub misses: u64,
    /// There is no other region.
    pub alone: bool,
    /// For who puts rows in the place of what is missing: it is as if they were not there.
    pub unguarded: bool,
    /// All rows are being summed up anew.
    pub recount: Option<Recount>,
    /// Values that have just lost and are not in the ledger yet.
    pub lost: Vec<Lost>,
    /// Meaningful while changes can be undone; kept beyond that, so that the next write need not make it anew.
    undo: Undo,
    undoable: bool,
}

/// A value that lost against one that was written without knowing of it.
pub(crate) struct Lost {
    pub table: String,
    pub at: Address,
    pub loser: Sibling,
    pub winner: Sibling,
    pub rule: &'static str,
}

/// What a failed write has to put back.
#[derive(Default)]
struct Undo {
    rows: Vec<(Bytes, Option<Bytes>)>,
    digest: Digest,
    shares: Vec<Digest>,
    recount: Option<(Digest, u64)>,
    keys: u64,
    touched: Vec<Option<u64>>,
}

impl Undo {
    /// Forgets the last write; its vectors stay for the next one, unless they are large.
    fn begin(&mut self) {
        self.rows.clear();
        self.shares.clear();
        self.touched.clear();
        self.touched.shrink_to(UNDO_ROWS_KEPT);
    }
}

impl Records {
    /// The rows of a store, and where they stand.
    pub(crate) fn open(
        table: RowTable<dyn Store>,
        region: &str,
        tables: Arc<Tables>,
    ) -> Result<(Records, Standing), crate::Error> {
        let standing = match table.get(STANDING_ROW)? {
            Some(bytes) => Standing::decode(bytes)
                .map_err(|source| crate::Error::Malformed { what: "standing of the records", source })?,
            None => Standing::default(),
        };
        let missing = match table.get(MISSING_ROW)? {
            Some(bytes) => Missing::decode(bytes)
                .map_err(|source| crate::Error::Malformed { what: "list of missing records", source })?,
            None => Missing::default(),
        };
        let records = Records {
            table,
            missing,
            misses: 0,
            alone: false,
            unguarded: false,
            digest: standing.digest,
            keys: standing.keys,
            watches: Watches::default(),
            shares: Shares::new(region, &tables),
            tables,
            recount: None,
            lost: Vec::new(),
            undo: Undo::default(),
            undoable: false,
        };
        Ok((records, standing))
    }

    /// Where rows stood when they were frozen.
    pub(crate) fn standing_of(frozen: &dyn lc_store::Frozen) -> Result<Standing, crate::Error> {
        let malformed = |source| crate::Error::Malformed { what: "standing of the records", source };
        frozen
            .get(STANDING_ROW)?
            .map_or_else(|| Ok(Standing::default()), |bytes| Standing::decode(bytes).map_err(malformed))
    }

    /// The row that goes into the store with the others.
    pub(crate) fn standing_row(standing: &Standing) -> (Bytes, Option<Bytes>) {
        (Bytes::from_static(STANDING_ROW), Some(standing.encode()))
    }

    /// Goes by these tables from here on.
    pub(crate) fn set_tables(&mut self, region: &str, tables: Arc<Tables>) {
        if !self.shares.are_of(&tables) {
            self.shares = Shares::new(region, &tables);
        }
        self.tables = tables;
    }

    /// Of these keys it is not known from here on what they hold; that is remembered with the rows.
    pub(crate) fn miss(&mut self, missing: impl IntoIterator<Item = lc_core::Span>) {
        self.missing.add(missing);
        self.misses += 1;
        self.table.put(Bytes::from_static(MISSING_ROW), Some(self.missing.encode()));
    }

    /// What was missing has come, and is written with the next flush.
    pub(crate) fn miss_nothing(&mut self) {
        self.missing = Missing::default();
        self.table.put(Bytes::from_static(MISSING_ROW), None);
    }

    /// The store was given other rows; the digests and keys of all rows were and are these.
    pub(crate) fn rebuilt(&mut self, region: &str, was: (Digest, u64), is: (Digest, u64)) {
        self.table.forget_clean();
        self.digest.0 = self.digest.0.wrapping_sub(was.0.0).wrapping_add(is.0.0);
        self.keys = self.keys.saturating_sub(was.1.saturating_sub(is.1));
        self.shares = Shares::new(region, &self.tables);
        self.recount = None;
    }

    fn why_missing(&self) -> &'static str {
        if self.alone { MISSING_ALONE } else { MISSING }
    }

    fn guard(&self, row: &[u8]) -> Result<(), RowError> {
        if self.missing.is_empty() || self.unguarded || !self.missing.has_row(row) {
            return Ok(());
        }
        Err(RowError(self.why_missing().to_owned()))
    }

    fn guard_all(&self, from: &[u8], to: &[u8]) -> Result<(), RowError> {
        if self.missing.is_empty() || self.unguarded || !self.missing.hides(from..to) {
            return Ok(());
        }
        Err(RowError(self.why_missing().to_owned()))
    }

    /// Takes over what a recount of all rows found.
    pub(crate) fn recounted(&mut self, region: &str, (digest, keys): (Digest, u64)) {
        (self.digest, self.keys) = (digest, keys);
        self.shares = Shares::new(region, &self.tables);
    }

    /// From here on, changes can be undone.
    pub(crate) fn begin(&mut self) {
        self.undoable = true;
        self.undo.begin();
        (self.undo.digest, self.undo.keys) = (self.digest, self.keys);
        self.undo.shares.extend(self.shares.sums());
        self.undo.recount = self.recount.as_ref().map(Recount::sums);
    }

    /// Keeps the changes since [`Records::begin`]; gives the hashes of the keys they touched (`None`: all keys).
    pub(crate) fn keep(&mut self) -> &[Option<u64>] {
        self.undoable = false;
        self.undo.rows.clear();
        self.undo.rows.shrink_to(UNDO_ROWS_KEPT);
        &self.undo.touched
    }

    /// Undoes the changes since [`Records::begin`].
    pub(crate) fn undo(&mut self) {
        if !std::mem::take(&mut self.undoable) {
            return;
        }
        for (row, old) in self.undo.rows.drain(..).rev() {
            self.table.put(row, old);
        }
        (self.digest, self.keys) = (self.undo.digest, self.undo.keys);
        self.shares.put_back(&self.undo.shares);
        if let Some((recount, sums)) = self.recount.as_mut().zip(self.undo.recount) {
            recount.put_back(sums);
        }
        self.lost.clear();
    }

    /// Those of `siblings` of which the table's rule keeps less than all.
    fn lose(&mut self, at: &Address, siblings: &[Sibling], rule: Option<&'static str>) {
        let table = self.tables.of_key(&at.key).clone();
        let by_time = at.kind != Kind::String || table.policy.merge == Merge::Typed;
        let merge = if by_time { &Merge::Lww } else { &table.policy.merge };
        // Whoever reads is shown all of them, so none has lost.
        if *merge == Merge::Siblings {
            return;
        }
        let Some(merged) = merge.of(siblings) else { return };
        let rule = rule.unwrap_or(merge.name());
        // Of a document that was put together the latest one may have lost a field as well: to the latest of the others.
        let latest_but = |loser: usize| {
            let others = (0..siblings.len()).filter(|&at| at != loser);
            others.max_by_key(|&at| (siblings[at].hlc, siblings[at].dot))
        };
        let lost = merged.losers.iter().filter_map(|&loser| {
            let winner = if loser == merged.winner { latest_but(loser)? } else { merged.winner };
            Some(Lost {
                table: table.name.clone(),
                at: at.clone(),
                loser: siblings[loser].clone(),
                winner: siblings[winner].clone(),
                rule,
            })
        });
        self.lost.extend(lost);
    }

    /// All but the value that was kept. Whoever collapsed them went by a rule that may not have arrived here yet.
    fn collapsed(&mut self, at: &Address, gone: &[Sibling], kept: &[u8]) {
        let latest = |kept_only: bool| {
            let able = gone.iter().filter(|sibling| !kept_only || sibling.value.as_ref() == kept);
            able.max_by_key(|sibling| (sibling.hlc, sibling.dot))
        };
        // A value that was put together is none of them; the latest one stands for it.
        let Some(winner) = latest(true).or_else(|| latest(false)) else { return };
        let table = &self.tables.of_key(&at.key).name;
        let lost = gone.iter().filter(|sibling| sibling.dot != winner.dot).map(|loser| Lost {
            table: table.clone(),
            at: at.clone(),
            loser: loser.clone(),
            winner: winner.clone(),
            rule: "collapse",
        });
        self.lost.extend(lost);
    }

    fn count_key(&mut self, old: Option<&Bytes>, new: Option<&Bytes>) {
        let (before, after) = (old.is_some_and(Head::row_exists), new.is_some_and(Head::row_exists));
        self.keys = match (before, after) {
            (false, true) => self.keys + 1,
            (true, false) => self.keys.saturating_sub(1),
            _ => self.keys,
        };
    }
}

impl Rows for Records {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        self.guard(row)?;
        self.table.get(row).map_err(|error| unread(error, self.why_missing()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.guard_all(from, to)?;
        visit_all(self.table.scan(from, Some(to)), self.why_missing(), visit)
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.guard_all(from, to)?;
        visit_all(self.table.scan_back(from, Some(to)), self.why_missing(), visit)
    }

    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        let kind = RowKind::of(&row);
        if matches!(kind, RowKind::Head | RowKind::Element) {
            self.digest.replace(&row, old.map(AsRef::as_ref), new.as_deref());
            self.shares.replace(&self.tables, &row, old.map(AsRef::as_ref), new.as_deref());
        }
        if kind == RowKind::Head {
            self.count_key(old, new.as_ref());
        }
        if let Some(recount) = &mut self.recount {
            recount.replace(&row, old, new.as_ref());
        }
        let row = Bytes::from(row);
        if self.undoable {
            self.undo.rows.push((row.clone(), old.cloned()));
        }
        self.table.put(row, new);
    }

    fn touched(&mut self, key: Option<&[u8]>) {
        self.watches.touched(key);
        if self.undoable {
            self.undo.touched.push(key.map(key_hash));
        }
    }

    fn met(&mut self, at: &Address, meeting: Meeting<'_>) {
        match meeting {
            Meeting::Standing(siblings) => self.lose(at, siblings, None),
            // Noted when they met, unless another rule held then.
            Meeting::Replaced { gone, named: false } => self.lose(at, gone, Some("collapse")),
            Meeting::Replaced { named: true, .. } => {}
            Meeting::Collapsed { gone, kept } => self.collapsed(at, gone, kept),
        }
    }
}

fn visit_all(
    rows: RowIter<'_>,
    why_missing: &str,
    visit: &mut dyn FnMut(&[u8], &Bytes) -> bool,
) -> Result<(), RowError> {
    for item in rows {
        let (row, value) = item.map_err(|error| unread(error, why_missing))?;
        if !visit(&row, &value) {
            break;
        }
    }
    Ok(())
}

/// What a client is told of rows that the medium does not give back.
fn unread(error: lc_store::Error, why_missing: &str) -> RowError {
    match error {
        lc_store::Error::Corrupt { .. } => RowError(format!("{why_missing} ({error})")),
        error => RowError(error.to_string()),
    }
}

/// Who may be asked to remove a row that is due: the replica whose choice of expiry stands.
pub(crate) fn expiry_owner(head: &Head) -> Option<ReplicaId> {
    let of_values = head
        .string
        .siblings
        .iter()
        .filter(|sibling| !sibling.expiry_replaced)
        .map(|sibling| (sibling.expires_ms, sibling.dot));
    let choices = of_values.chain(head.expiry.iter().map(|choice| (choice.at_ms, choice.dot)));
    choices.max_by_key(|&(at_ms, dot)| (at_ms.unwrap_or(u64::MAX), dot)).map(|(_, dot)| dot.replica)
}

/// Far more than a usual write changes.
const UNDO_ROWS_KEPT: usize = 1024;
pub(crate) const STANDING_ROW: &[u8] = b"m\0standing";
pub(crate) const MISSING_ROW: &[u8] = b"m\0missing";
pub(crate) const ADOPTED_ROW: &[u8] = b"m\0adopted";
const MISSING_ALONE: &str =
    "the disk has lost what it had of this, and there is no other region that has it: restore a backup";
const MISSING: &str = "the disk of this region has lost what it had of this; it comes from another region: ask there, or try again in a moment";
const STANDING_VERSION: u8 = 1;
