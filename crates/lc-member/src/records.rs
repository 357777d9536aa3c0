//! The rows of a member: the store's table, with digest, key count, undo, and notes for watchers.

use bytes::Bytes;
use lc_core::{ReplicaId, VersionVector, wire};
use lc_crdt::{Digest, Head, RowError, RowKind, Rows};
use lc_journal::Position;
use lc_store::{RowIter, RowTable, Store};

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

    fn decode(bytes: Bytes) -> Result<Standing, wire::Malformed> {
        let mut reader = wire::Reader::new(bytes);
        if reader.byte("standing version")? != STANDING_VERSION {
            return Err(wire::Malformed::Unknown("standing version"));
        }
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
    undo: Option<Undo>,
}

/// What a failed write has to put back.
struct Undo {
    rows: Vec<(Bytes, Option<Bytes>)>,
    digest: Digest,
    keys: u64,
    touched: Vec<Option<u64>>,
}

impl Records {
    /// The rows of a store, and where they stand.
    pub(crate) fn open(table: RowTable<dyn Store>) -> Result<(Records, Standing), crate::Error> {
        let standing = match table.get(STANDING_ROW)? {
            Some(bytes) => Standing::decode(bytes)
                .map_err(|source| crate::Error::Malformed { what: "standing of the records", source })?,
            None => Standing::default(),
        };
        let records =
            Records { table, digest: standing.digest, keys: standing.keys, watches: Watches::default(), undo: None };
        Ok((records, standing))
    }

    /// The row that goes into the store with the others.
    pub(crate) fn standing_row(standing: &Standing) -> (Bytes, Option<Bytes>) {
        (Bytes::from_static(STANDING_ROW), Some(standing.encode()))
    }

    /// From here on, changes can be undone.
    pub(crate) fn begin(&mut self) {
        self.undo = Some(Undo { rows: Vec::new(), digest: self.digest, keys: self.keys, touched: Vec::new() });
    }

    /// Keeps the changes since [`Records::begin`]; gives the hashes of the keys they touched (`None`: all keys).
    pub(crate) fn keep(&mut self) -> Vec<Option<u64>> {
        self.undo.take().map_or_else(Vec::new, |undo| undo.touched)
    }

    /// Undoes the changes since [`Records::begin`].
    pub(crate) fn undo(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        for (row, old) in undo.rows.into_iter().rev() {
            self.table.put(row, old);
        }
        self.digest = undo.digest;
        self.keys = undo.keys;
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
        self.table.get(row).map_err(|error| RowError(error.to_string()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        visit_all(self.table.scan(from, Some(to)), visit)
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        visit_all(self.table.scan_back(from, Some(to)), visit)
    }

    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        let kind = RowKind::of(&row);
        if matches!(kind, RowKind::Head | RowKind::Element) {
            self.digest.replace(&row, old.map(AsRef::as_ref), new.as_deref());
        }
        if kind == RowKind::Head {
            self.count_key(old, new.as_ref());
        }
        let row = Bytes::from(row);
        if let Some(undo) = &mut self.undo {
            undo.rows.push((row.clone(), old.cloned()));
        }
        self.table.put(row, new);
    }

    fn touched(&mut self, key: Option<&[u8]>) {
        self.watches.touched(key);
        if let Some(undo) = &mut self.undo {
            undo.touched.push(key.map(key_hash));
        }
    }
}

fn visit_all(rows: RowIter<'_>, visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
    for item in rows {
        let (row, value) = item.map_err(|error| RowError(error.to_string()))?;
        if !visit(&row, &value) {
            break;
        }
    }
    Ok(())
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

const STANDING_ROW: &[u8] = b"m\0standing";
const STANDING_VERSION: u8 = 1;
