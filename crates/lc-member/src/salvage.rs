//! What is done to a store some of whose rows cannot be read, without holding the member: finding out what is lost, and writing what is not.

use std::cell::RefCell;

use bytes::Bytes;
use lc_crdt::{Digest, Head, RowKind};
use lc_store::{Error, Gap, Row, Store, survey};

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

/// Reads everything; a second or less for a million rows of 200 bytes.
pub(crate) fn look(store: &dyn Store) -> Result<Lost, Error> {
    let gaps = survey(store)?;
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
