//! What is done to a store some of whose rows cannot be read, without holding the member: opening it, finding out what is lost, and writing
//! what is not.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::Span;
use lc_crdt::{Digest, Head, RowKind};
use lc_store::{Error, FjallOptions, FjallStore, Gap, Row, Store, survey};

use crate::missing::{Missing, clipped};
use crate::records::{ADOPTED_ROW, MISSING_ROW, Records, STANDING_ROW, Standing};

/// What of a store cannot be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost {
    pub gaps: Vec<Gap>,
    /// Keys that had rows there.
    pub missing: Missing,
    /// Rows that the node keeps for itself may have been there.
    pub own: bool,
}

/// What is to be written.
pub(crate) struct Plan {
    pub lost: Lost,
    /// Of these keys nothing is written.
    pub missing: Missing,
    /// Where the store's rows stand; digest and keys are made anew.
    pub standing: Standing,
    /// In the place of what the node kept for itself, if that cannot be read.
    pub notes: Option<Notes>,
}

/// What a node keeps for itself, as long as it is getting nothing from others.
pub(crate) struct Notes {
    pub adopted: Option<Bytes>,
    pub missing: Missing,
}

/// Of the rows that were written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub digest: Digest,
    pub keys: u64,
}

/// Opens the record store in `dir`, whatever of it has rotted, as long as nothing gets lost without being known to be. Table files that cannot
/// be opened are written anew from what can be read of them. If that is not enough, and there are other regions, the whole store is put
/// aside: what the node keeps for itself is in a copy, and everything else is missing until it has come from them. `alone`: there are none.
///
/// # Errors
/// What cannot be read and is in no copy, and what to do; or why it cannot be opened otherwise.
pub fn open_records(dir: &Path, options: &FjallOptions, alone: bool) -> Result<Arc<dyn Store>, crate::Error> {
    let why = match open_tables(dir, options) {
        Ok(store) => return finish_opening(store, alone),
        Err(error @ Error::Corrupt { .. }) if !alone => error,
        Err(error) => return Err(crate::Error::of_store(error)),
    };
    let notes = FjallStore::notes(dir).map_err(crate::Error::of_store)?;
    if !notes.is_some_and(|notes| are_enough(&notes)) {
        return Err(crate::Error::of_store(why));
    }
    FjallStore::put_aside(dir).map_err(crate::Error::of_store)?;
    finish_opening(open_tables(dir, options).map_err(crate::Error::of_store)?, alone)
}

fn open_tables(dir: &Path, options: &FjallOptions) -> Result<FjallStore, Error> {
    let store = FjallStore::open_mending(dir, options, NOTES)?;
    // What is read there may be older than it was.
    if store.aside().gaps.iter().any(|gap| gap.touches(NOTES, Some(OWN_END))) {
        let why = "the table files that cannot be opened had what the node keeps for itself".to_owned();
        return Err(Error::Corrupt { doing: "open the record store", why });
    }
    Ok(store)
}

/// Gives an empty store that stands for a lost one what the node kept for itself, in one commit. Until then the next start does the same.
fn finish_opening(store: FjallStore, alone: bool) -> Result<Arc<dyn Store>, crate::Error> {
    if let Some(notes) = store.aside().lost {
        let rotten = |why: &str| Error::Corrupt { doing: "open the record store", why: why.to_owned() };
        if alone || !are_enough(&notes) {
            return Err(crate::Error::of_store(rotten("the whole of it was put aside, and there is no other region")));
        }
        let mut missing = Missing::default();
        missing.add([Span::all()]);
        let standing = standing_in(&notes).ok_or_else(|| rotten("its copied notes do not say where it stood"))?;
        let standing = Standing { digest: Digest::default(), keys: 0, ..standing };
        let kept = notes.into_iter().filter(|(row, _)| row != STANDING_ROW && row != MISSING_ROW);
        let mut rows: Vec<Row> = kept.collect();
        rows.push((Bytes::from_static(MISSING_ROW), missing.encode()));
        rows.push((
            Bytes::from_static(STANDING_ROW),
            Records::standing_row(&standing).1.expect("a standing is written"),
        ));
        rows.sort();
        store.commit(&mut rows.into_iter().map(|(row, value)| (row, Some(value))))?;
    }
    Ok(Arc::new(store))
}

/// Whether a node can go on from its notes alone: not if it was being filled, as what had come is lost, and what had not is not known.
fn are_enough(notes: &[Row]) -> bool {
    standing_in(notes).is_some() && !notes.iter().any(|(row, _)| FILLING_ROWS.iter().any(|of| row.starts_with(of)))
}

fn standing_in(notes: &[Row]) -> Option<Standing> {
    let (_, bytes) = notes.iter().find(|(row, _)| row == STANDING_ROW)?;
    Standing::decode(bytes.clone()).ok()
}

/// How many keys a store had that was put aside, as far as anybody knows.
pub(crate) fn keys_of_lost(store: &dyn Store) -> u64 {
    store.aside().lost.and_then(|notes| standing_in(&notes)).map_or(0, |standing| standing.keys)
}

/// What may be lacking where tables were written anew, if any were.
pub(crate) fn lost_at_opening(store: &dyn Store) -> Result<Option<Lost>, Error> {
    let gaps = store.aside().gaps;
    if gaps.is_empty() {
        return Ok(None);
    }
    let missing = match Missing::of(store, &gaps) {
        // More than a table's file has rotted.
        Err(Error::Corrupt { .. }) => return look(store, &gaps).map(Some),
        outcome => outcome?,
    };
    // The notes are whole, or it would not have been opened; the ledger may not be.
    let own = gaps.iter().any(|gap| gap.touches(OWN, Some(OWN_END)));
    Ok(Some(Lost { gaps, missing, own }))
}

/// Reads everything; a second or less for a million rows of 200 bytes.
/// `known`: gaps in which something can be read that is not to be believed.
pub(crate) fn look(store: &dyn Store, known: &[Gap]) -> Result<Lost, Error> {
    let mut gaps = survey(store)?;
    gaps.extend_from_slice(known);
    Gap::join(&mut gaps);
    let missing = Missing::of(store, &gaps)?;
    let own = gaps.iter().any(|gap| gap.touches(OWN, Some(OWN_END)));
    Ok(Lost { gaps, missing, own })
}

/// Writes what can be read, without the missing keys; takes twice as long.
pub(crate) fn rebuild(store: &dyn Store, plan: &Plan) -> Result<Sums, Error> {
    let sums = RefCell::new(Sums::default());
    let gaps = &plan.lost.gaps;
    let of_keys = |from: &'static [u8], to: Option<&'static [u8]>| {
        clipped(gaps, from, to)
            .into_iter()
            .flat_map(|(from, to)| store.look(&from, to.as_deref(), false))
            .filter(|row| row.as_ref().map_or(true, |(row, _)| !plan.missing.has_row(row)))
            .inspect(|row| {
                if let Ok((row, value)) = row {
                    sums.borrow_mut().add(row, value);
                }
            })
    };
    let standing = || {
        let Sums { digest, keys } = *sums.borrow();
        Records::standing_row(&Standing { digest, keys, ..plan.standing.clone() }).1.expect("a standing is written")
    };
    // Heads and elements come before, so that by then it is known what they sum up to.
    let own = std::iter::once_with(|| own_rows(store, plan, standing())).flatten();
    let rows = of_keys(b"", Some(OWN)).chain(own).chain(of_keys(OWN_END, None));
    store.rebuild(Box::new(rows))?;
    Ok(sums.into_inner())
}

/// What the node keeps for itself: its notes are few, and its ledger is kept within bounds.
fn own_rows(store: &dyn Store, plan: &Plan, standing: Bytes) -> Vec<Result<Row, Error>> {
    let Some(notes) = &plan.notes else {
        let with_standing = |row: Result<Row, Error>| {
            let (row, value) = row?;
            let value = if row == STANDING_ROW { standing.clone() } else { value };
            Ok((row, value))
        };
        return store.look(OWN, Some(OWN_END), false).map(with_standing).collect();
    };
    let adopted = notes.adopted.clone().map(|bytes| (ADOPTED_ROW, bytes));
    let missing = (!notes.missing.is_empty()).then(|| (MISSING_ROW, notes.missing.encode()));
    let rows = adopted.into_iter().chain(missing).chain([(STANDING_ROW, standing)]);
    rows.map(|(row, value)| Ok((Bytes::from_static(row), value))).collect()
}

impl Sums {
    fn add(&mut self, row: &[u8], value: &Bytes) {
        let kind = RowKind::of(row);
        if matches!(kind, RowKind::Head | RowKind::Element) {
            self.digest.replace(row, None, Some(value));
        }
        self.keys += u64::from(kind == RowKind::Head && Head::row_exists(value));
    }
}

/// The ledger's rows and the notes lie between these.
const OWN: &[u8] = b"l";
const OWN_END: &[u8] = b"n";
/// The notes alone.
const NOTES: &[u8] = b"m\0";
/// Notes of one who is being filled.
const FILLING_ROWS: [&[u8]; 3] = [b"m\0catch-up", b"m\0context", b"m\0doubt"];
