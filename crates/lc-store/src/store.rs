//! What every engine offers.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Error, Frozen};

/// A row: its key and its bytes.
pub type Row = (Bytes, Bytes);
/// A row to write; without bytes it is removed.
pub type RowChange = (Bytes, Option<Bytes>);
/// Rows in order; an error may stand in for any of them.
pub type RowIter<'a> = Box<dyn Iterator<Item = Result<Row, Error>> + 'a>;

/// Longest row key, in bytes; what fjall can hold. The shortest is 1.
pub const ROW_KEY_BYTES_MAX: usize = 65_535;

/// A durable ordered map from bytes to bytes.
///
/// Reads may run beside each other and beside one commit, and see all of a commit or nothing of it.
pub trait Store: Send + Sync + 'static {
    /// The bytes of a row.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Rows from `from` on, up to but without `to`, first to last, as they are now.
    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_>;

    /// The same rows, last to first.
    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_>;

    /// Writes and removes rows, ascending by key, each key once. When it returns they survive a crash; if it fails, or the crash comes
    /// first, all of them are written or none. One commit at a time.
    ///
    /// # Errors
    /// [`Error::KeyLength`] and [`Error::Order`] before anything is written; [`Error::Full`] if there was no room, and then the same commit,
    /// with nothing between, may be tried again; [`Error::Engine`] otherwise, and then it is unknown whether
    /// the rows are there until the store is opened again.
    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error>;

    /// About how many bytes it takes on its medium.
    fn approximate_bytes(&self) -> u64;

    /// Puts right what a full disk broke inside the engine, so that it works in the background again; nothing if nothing broke. Reads wait
    /// for it. Call when there is some room.
    ///
    /// # Errors
    /// Why it failed; until it succeeds, reads may fail too.
    fn mend(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The rows as the last commit left them, unchanged by later ones.
    ///
    /// # Errors
    /// [`Error::Engine`] for a store that cannot do that.
    fn freeze(&self) -> Result<Arc<dyn Frozen>, Error> {
        Err(Error::Engine { doing: "freeze rows", why: "this store cannot".to_owned() })
    }

    /// How many reads found bytes that are not what was written, since the store was opened.
    fn corrupt_reads(&self) -> u64 {
        0
    }

    /// How often work in the background stopped, since the store was opened, for a reason that only reading everything can tell: a full disk,
    /// or bytes that rotted.
    fn suspicions(&self) -> u64 {
        0
    }

    /// As [`Store::scan`], or down as [`Store::scan_back`], but what cannot be read is not counted: for who looks how far that goes.
    fn look(&self, from: &[u8], to: Option<&[u8]>, down: bool) -> RowIter<'_> {
        if down { self.scan_back(from, to) } else { self.scan(from, to) }
    }

    /// What was put aside when it was opened, because it could not be read.
    fn aside(&self) -> Aside {
        Aside::default()
    }

    /// Removes what was put aside: nothing in it is needed any more.
    ///
    /// # Errors
    /// Some of it may still be there.
    fn drop_aside(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Puts these rows, ascending by key, in the place of all that is there, in one step: a crash leaves all of the old ones or all of the
    /// new. They may be read from this store. Reads go on meanwhile, nothing may be committed, and what was frozen is let go of. For a while
    /// the medium holds both.
    ///
    /// # Errors
    /// The first of the rows that is one, [`Error::Full`] if there was no room, otherwise what the engine says; the old rows are there then,
    /// except after [`Error::Engine`], where only opening the store tells.
    fn rebuild(&self, rows: RowIter<'_>) -> Result<(), Error> {
        drop(rows);
        Err(Error::Engine { doing: "rebuild the record store", why: "this store cannot".to_owned() })
    }
}

/// What a store put aside when it was opened, because it could not be read.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Names, in the directory of what was put aside, and bytes.
    pub files: Vec<(String, u64)>,
    /// Stretches in which rows may have been that are not here any more, in order: what is read there now is not believed, until the store is
    /// rebuilt without them.
    pub gaps: Vec<crate::Gap>,
    /// The whole store was put aside, nothing is in this one, and these are copies of rows that were in it.
    pub lost: Option<Vec<Row>>,
}

/// Passes on rows that may be committed, and remembers the first that may not.
pub(crate) struct Checked<'a> {
    rows: &'a mut dyn Iterator<Item = RowChange>,
    last: Bytes,
    wrong: Option<Error>,
}

impl<'a> Checked<'a> {
    pub(crate) fn new(rows: &'a mut dyn Iterator<Item = RowChange>) -> Checked<'a> {
        Checked { rows, last: Bytes::new(), wrong: None }
    }

    /// Whether all rows were right; to be asked before what came through is made durable.
    pub(crate) fn end(self) -> Result<(), Error> {
        self.wrong.map_or(Ok(()), Err)
    }
}

impl Iterator for Checked<'_> {
    type Item = RowChange;

    fn next(&mut self) -> Option<RowChange> {
        let row = self.rows.next()?;
        if row.0.is_empty() || row.0.len() > ROW_KEY_BYTES_MAX {
            self.wrong = Some(Error::KeyLength { bytes: row.0.len() });
            return None;
        }
        // No key is empty, so the first is above the empty one.
        if row.0 <= self.last {
            self.wrong = Some(Error::Order);
            return None;
        }
        self.last = row.0.clone();
        Some(row)
    }
}

/// Whether `from..to` can hold anything.
pub(crate) fn is_span(from: &[u8], to: Option<&[u8]>) -> bool {
    to.is_none_or(|to| from < to)
}
