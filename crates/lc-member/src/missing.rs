//! Keys of which this node does not know what they hold: the medium did not give back some of their rows. They are not absent. Until another
//! region has told what they hold, whoever asks for one is refused, and nothing is decided over them.
//!
//! Whole keys only, as stretches of the order in which records are sent:
//!
//! ```text
//! m 0 "missing"  ->  1  count varint  span...
//! ```

use std::ops::Range;

use bytes::Bytes;
use lc_core::Span;
use lc_core::wire::{Malformed, Reader, put_varint};
use lc_crdt::{
    Head, Kind, PLACE_BYTES_MAX, element_prefix, expiry_of, expiry_row, hash_span, head_of, key_of_row, key_span,
    score_prefix,
};
use lc_store::{Gap, Store};

/// Stretches of keys, in order, none touching another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Missing {
    spans: Vec<Span>,
}

impl Missing {
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Takes these in; they may overlap.
    pub(crate) fn add(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.spans.extend(spans);
        self.spans.sort();
        self.spans.dedup_by(|next, before| {
            let touches = before.to.is_empty() || next.from <= before.to;
            if touches && !before.to.is_empty() && (next.to.is_empty() || next.to > before.to) {
                before.to = std::mem::take(&mut next.to);
            }
            touches
        });
        if self.spans.len() > SPANS_MAX {
            self.spans = vec![Span::all()];
        }
    }

    /// Whether a key is among them.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        !self.is_empty() && self.touches(&key_span(key))
    }

    /// Whether something of a stretch is among them.
    pub(crate) fn touches(&self, span: &Span) -> bool {
        let first = self.spans.partition_point(|other| !other.ends_after(&span.from));
        self.spans.get(first).is_some_and(|other| other.meet(span).is_some())
    }

    /// Whether a row is of one of the keys.
    pub(crate) fn has_row(&self, row: &[u8]) -> bool {
        !self.is_empty() && key_of_any(row).is_some_and(|key| self.has(key))
    }

    /// Whether walking over these rows would pass keys that are missing as if they were not there. Rows of several areas are only walked by
    /// those who sum up what is here.
    pub(crate) fn hides(&self, rows: Range<&[u8]>) -> bool {
        if self.is_empty() {
            return false;
        }
        match (rows.start.first(), rows.end.first()) {
            (Some(b'h'), Some(b'h')) => self.touches(&heads(rows.start, Some(rows.end))),
            (Some(b'h'), Some(b'i')) if rows.end.len() == 1 => self.touches(&heads(rows.start, None)),
            (Some(start @ (b'e' | b'z')), Some(end)) if start == end => self.has_row(rows.start),
            _ => false,
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.spans.len() as u64);
        self.spans.iter().for_each(|span| span.encode(&mut out));
        out.into()
    }

    pub(crate) fn decode(bytes: Bytes) -> Result<Missing, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION, "version of what is missing")?;
        let count = reader.varint("count of what is missing")?;
        let spans = (0..count).map(|_| Span::decode(&mut reader, PLACE_BYTES_MAX)).collect::<Result<Vec<_>, _>>()?;
        reader.end("what is missing")?;
        let mut missing = Missing::default();
        missing.add(spans);
        Ok(missing)
    }

    /// The keys that may have had a row in one of the gaps, which are in order.
    pub(crate) fn of(store: &dyn Store, gaps: &[Gap]) -> Result<Missing, lc_store::Error> {
        let mut spans: Vec<Span> = Vec::new();
        let of_heads = gaps.iter().filter(|gap| gap.touches(b"h", Some(b"i")));
        spans.extend(of_heads.map(|gap| heads(&gap.from, gap.to.as_deref().filter(|to| to.first() == Some(&b'h')))));
        // Rows of other kinds do not say whose neighbours they were, but heads tell which rows a key has.
        let others: Vec<&Gap> = gaps.iter().filter(|gap| is_of_others(gap)).collect();
        if !others.is_empty() {
            for row in heads_between(store, gaps) {
                let (row, value) = row?;
                let key = head_of(&row);
                if Head::decode(value).map_or(true, |head| may_have_had(key, &head, &others)) {
                    spans.push(key_span(key));
                }
            }
        }
        let mut missing = Missing::default();
        missing.add(spans);
        Ok(missing)
    }
}

fn is_of_others(gap: &Gap) -> bool {
    gap.touches(b"e", Some(b"f")) || gap.touches(b"x", Some(b"y")) || gap.touches(b"z", Some(b"{"))
}

/// Every head that can be read.
fn heads_between<'a>(
    store: &'a dyn Store,
    gaps: &[Gap],
) -> impl Iterator<Item = Result<lc_store::Row, lc_store::Error>> + 'a {
    clipped(gaps, b"h", Some(b"i")).into_iter().flat_map(|(from, to)| store.look(&from, to.as_deref(), false))
}

/// The stretches between gaps, as far as they lie in `from..to`.
pub(crate) fn clipped(gaps: &[Gap], from: &[u8], to: Option<&[u8]>) -> Vec<(Bytes, Option<Bytes>)> {
    let clip = |(start, end): (Bytes, Option<Bytes>)| {
        let start = start.max(Bytes::copy_from_slice(from));
        let end = match (end, to) {
            (None, to) => to.map(Bytes::copy_from_slice),
            (end, None) => end,
            (Some(end), Some(to)) => Some(end.min(Bytes::copy_from_slice(to))),
        };
        end.as_ref().is_none_or(|end| start < *end).then_some((start, end))
    };
    Gap::between(gaps).into_iter().filter_map(clip).collect()
}

/// Whether a key may have had rows in gaps, besides its head.
fn may_have_had(key: &[u8], head: &Head, gaps: &[&Gap]) -> bool {
    let touched = |from: &[u8], to: &[u8]| gaps.iter().any(|gap| gap.touches(from, Some(to)));
    let with_prefix = |prefix: Vec<u8>| {
        let mut end = prefix.clone();
        *end.last_mut().expect("a prefix has a tag") = end.last().map_or(0, |last| last.saturating_add(1));
        touched(&prefix, &end)
    };
    let expiry = head.due_ms().map(|due_ms| expiry_row(due_ms, key));
    let index = (head.length(Kind::Sorted) > 0).then(|| score_prefix(key));
    let of_kinds = Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0);
    of_kinds.map(|kind| element_prefix(key, kind)).any(with_prefix)
        || expiry.is_some_and(|row| touched(&row, &[row.as_slice(), &[0]].concat()))
        || index.is_some_and(|prefix| touched(&prefix, &[prefix.as_slice(), &[0xff; 9]].concat()))
}

/// All keys whose heads lie between two rows; the rows may be of other kinds, and `to` missing.
fn heads(from: &[u8], to: Option<&[u8]>) -> Span {
    let hash = |row: &[u8]| {
        let mut bytes = [0; 4];
        let rest = row.get(1..).unwrap_or_default();
        let known = rest.len().min(4);
        bytes[..known].copy_from_slice(&rest[..known]);
        u32::from_be_bytes(bytes)
    };
    let from = if from.first() == Some(&b'h') { hash(from) } else { 0 };
    // The last hash may be shared with a key before the end.
    hash_span(from, to.and_then(|to| hash(to).checked_add(1)))
}

/// The key that a row belongs to, derived rows too.
pub(crate) fn key_of_any(row: &[u8]) -> Option<&[u8]> {
    match row.first()? {
        b'h' => Some(head_of(row)),
        b'x' => Some(expiry_of(row).1),
        b'z' => {
            let (length, used) = lc_core::wire::varint_of(row.get(1..)?, "key length").ok()?;
            row.get(1 + used..)?.get(..usize::try_from(length).ok()?)
        }
        _ => key_of_row(row),
    }
}

const VERSION: u8 = 1;
/// With more, everything is fetched anew.
const SPANS_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lc_core::Span;
    use lc_crdt::{Kind, element_row, hash_span, head_row, head_span, key_span};
    use lc_store::{Gap, MemoryStore};

    use super::Missing;

    fn missing(spans: &[Span]) -> Missing {
        let mut missing = Missing::default();
        missing.add(spans.iter().cloned());
        missing
    }

    #[test]
    fn stretches_that_touch_become_one_and_survive_their_row() {
        let all = missing(&[Span::new("d", "f"), Span::new("a", "b"), Span::new("b", "c"), Span::new("e", "g")]);
        assert_eq!(all.spans(), [Span::new("a", "c"), Span::new("d", "g")]);
        assert_eq!(
            missing(&[Span::new("b", ""), Span::new("c", "d"), Span::new("a", "b")]).spans(),
            [Span::new("a", "")]
        );
        assert_eq!(Missing::decode(all.encode()).unwrap(), all);
        assert!(Missing::decode(Bytes::from_static(&[1, 1, 0])).is_err());
    }

    #[test]
    fn rows_of_a_missing_key_are_missing_and_its_neighbours_are_not() {
        let of_key = missing(&[key_span(b"key")]);
        assert!(of_key.has(b"key") && !of_key.has(b"ke") && !of_key.has(b"key2"));
        assert!(of_key.has_row(&head_row(b"key")) && of_key.has_row(&element_row(b"key", Kind::Hash, b"f")));
        assert!(!of_key.has_row(&head_row(b"other")) && !of_key.has_row(b"m\0standing"));
        let (from, to) = head_span(0);
        assert!(of_key.hides(&from..&to) && !missing(&[]).hides(&from..&to));
        assert!(!of_key.hides(b"h".as_slice()..&[0xff]), "who walks over everything sums up what is here");
    }

    #[test]
    fn a_gap_among_heads_is_a_stretch_of_hashes_and_one_among_elements_the_keys_that_had_some_there() {
        let store = MemoryStore::new();
        let gap = |from: Vec<u8>, to: Option<Vec<u8>>| Gap { from: from.into(), to: to.map(Bytes::from) };
        let heads = gap([b"h".as_slice(), &[1, 2, 3, 4, 9]].concat(), Some([b"h".as_slice(), &[1, 2, 3, 7]].concat()));
        let found = Missing::of(&store, &[heads]).unwrap();
        assert_eq!(found.spans(), [hash_span(0x0102_0304, Some(0x0102_0308))]);
        let all = Missing::of(&store, &[gap(Vec::new(), None)]).unwrap();
        assert_eq!(all.spans(), [Span::all()]);
    }
}
