//! Reading records as a client sees them: merged, and without what has expired.

use std::cell::Cell as StdCell;

use bytes::Bytes;
use lc_crdt::{
    Cell, Head, Kind, Merge, Number, Rows, Visible, element_of, element_prefix, element_row, head_of, head_row,
    head_span, score_bytes, score_of, score_prefix, score_row,
};

use lc_policy::Tables;

use crate::{Error, Room, float};

/// The records at one moment.
pub struct View<'a> {
    rows: &'a dyn Rows,
    now_ms: u64,
    random: StdCell<u64>,
    tables: Option<&'a Tables>,
    /// For what is gathered; without one, whoever asks bounds it.
    room: Option<&'a Room>,
}

/// A span of scores in a sorted set; both ends included here, callers skip what they exclude.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ScoreSpan {
    /// Lowest score.
    pub from: f64,
    /// Highest score.
    pub to: f64,
}

impl ScoreSpan {
    /// Every member.
    pub const ALL: ScoreSpan = ScoreSpan { from: f64::NEG_INFINITY, to: f64::INFINITY };
}

impl<'a> View<'a> {
    /// The records in `rows` at `now_ms`; `seed` feeds commands that pick at random.
    pub fn new(rows: &'a dyn Rows, now_ms: u64, seed: u64) -> View<'a> {
        View { rows, now_ms, random: StdCell::new(seed), tables: None, room: None }
    }

    /// Merges by the rules of these tables.
    pub fn under(self, tables: &'a Tables) -> View<'a> {
        View { tables: if tables.all_plain() { None } else { Some(tables) }, ..self }
    }

    /// The same, with this room for what is gathered.
    pub fn within<'b>(&'b self, room: &'b Room) -> View<'b> {
        let random = StdCell::new(self.random.get());
        View { rows: self.rows, now_ms: self.now_ms, random, tables: self.tables, room: Some(room) }
    }

    /// Takes what is gathered from this room.
    pub(crate) fn roomy(self, room: &'a Room) -> View<'a> {
        View { room: Some(room), ..self }
    }

    /// What a page of a scan may have, elements and bytes.
    pub(crate) fn page_room(&self) -> (usize, usize) {
        self.room.map_or((usize::MAX, usize::MAX), Room::page)
    }

    /// Takes room for one more element of this many bytes; to be asked before it is kept.
    pub fn take(&self, bytes: usize) -> Result<(), Error> {
        self.room.map_or(Ok(()), |room| room.take(bytes))
    }

    /// The rule by which values of this key merge.
    pub fn merge_of(&self, key: &[u8]) -> &'a Merge {
        self.tables.map_or(&Merge::Typed, |tables| &tables.of_key(key).policy.merge)
    }

    /// Unix milliseconds of this moment.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A number below `bound` (at least 1), from the seed.
    pub fn random(&self, bound: usize) -> usize {
        // SplitMix64 (Steele et al., 2014): one multiply-xor chain a number is plenty for picking members.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound.max(1) as u64) as usize
    }

    /// The head of a key that exists and has not expired.
    pub fn head(&self, key: &[u8]) -> Result<Option<Head>, Error> {
        let head = self.stored_head(key)?;
        Ok(head.filter(|head| head.exists() && !head.expired(self.now_ms)))
    }

    /// The head as stored, expired or not.
    pub fn stored_head(&self, key: &[u8]) -> Result<Option<Head>, Error> {
        match self.rows.get(&head_row(key))? {
            Some(bytes) => Ok(Some(Head::decode(bytes).map_err(lc_crdt::RowError::from)?)),
            None => Ok(None),
        }
    }

    /// The type of a key; `None` if there is none.
    pub fn kind(&self, key: &[u8]) -> Result<Option<Kind>, Error> {
        Ok(self.head(key)?.and_then(|head| head.kind()))
    }

    /// Whether a key exists.
    pub fn exists(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.head(key)?.is_some())
    }

    /// The head of a key that is absent or of this kind; `WRONGTYPE` otherwise.
    pub fn head_of_kind(&self, key: &[u8], kind: Kind) -> Result<Option<Head>, Error> {
        let head = self.head(key)?;
        match head.as_ref().and_then(Head::kind) {
            Some(other) if other != kind => Err(Error::WrongType),
            _ => Ok(head),
        }
    }

    /// The value of a string key; a counter as text.
    pub fn string(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let Some(row) = self.rows.get(&head_row(key))? else { return Ok(None) };
        if let Some(value) = Head::plain_string(&row) {
            return Ok(Some(value));
        }
        let merge = self.merge_of(key);
        Ok(self.head_of_kind(key, Kind::String)?.and_then(|head| head.string.visible_under(merge)).map(text_of))
    }

    /// How many elements a collection has; 0 if absent.
    pub fn length(&self, key: &[u8], kind: Kind) -> Result<u64, Error> {
        Ok(self.head_of_kind(key, kind)?.map_or(0, |head| head.length(kind)))
    }

    /// The cell of an element, checking the key's kind and expiry.
    pub fn element(&self, key: &[u8], kind: Kind, field: &[u8]) -> Result<Option<Cell>, Error> {
        match self.head_of_kind(key, kind)? {
            Some(_) => self.element_unchecked(key, kind, field),
            None => Ok(None),
        }
    }

    /// The cell of an element of a key whose head was checked before; saves reading it again.
    pub fn element_unchecked(&self, key: &[u8], kind: Kind, field: &[u8]) -> Result<Option<Cell>, Error> {
        match self.rows.get(&element_row(key, kind, field))? {
            Some(bytes) => Ok(Some(Cell::decode(bytes).map_err(lc_crdt::RowError::from)?)),
            None => Ok(None),
        }
    }

    /// The value of an element of a key whose head was checked before; a counter as text.
    pub fn element_text(&self, key: &[u8], kind: Kind, field: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.element_unchecked(key, kind, field)?.and_then(|cell| cell.visible()).map(text_of))
    }

    /// The value of a hash field; a counter as text.
    pub fn field(&self, key: &[u8], field: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.element(key, Kind::Hash, field)?.and_then(|cell| cell.visible()).map(text_of))
    }

    /// Whether a set has a member.
    pub fn is_member(&self, key: &[u8], member: &[u8]) -> Result<bool, Error> {
        Ok(self.element(key, Kind::Set, member)?.is_some())
    }

    /// The score of a sorted-set member.
    pub fn score(&self, key: &[u8], member: &[u8]) -> Result<Option<f64>, Error> {
        Ok(self.element(key, Kind::Sorted, member)?.and_then(|cell| cell.score()))
    }

    /// Visits the elements of a collection in the order of their hashes, from `cursor` (0: all), until `visit`
    /// answers false. Gives (hash, field, cell). Nothing if the key is absent; `WRONGTYPE` if it is of another kind.
    pub fn each_element(
        &self,
        key: &[u8],
        kind: Kind,
        cursor: u32,
        visit: &mut dyn FnMut(u32, &[u8], Cell) -> bool,
    ) -> Result<(), Error> {
        if self.head_of_kind(key, kind)?.is_none() {
            return Ok(());
        }
        let prefix = element_prefix(key, kind);
        let mut from = prefix.clone();
        from.extend_from_slice(&cursor.to_be_bytes());
        let mut bad = None;
        self.rows.scan(&from, &past(&prefix), &mut |row, bytes| match Cell::decode(bytes.clone()) {
            Ok(cell) => {
                let (hash, field) = element_of(row, prefix.len());
                visit(hash, field, cell)
            }
            Err(malformed) => {
                bad = Some(malformed);
                false
            }
        })?;
        bad.map_or(Ok(()), |malformed| Err(Error::Rows(malformed.into())))
    }

    /// Visits the elements that are stored under a key of any kind, hidden or expired ones too.
    pub(crate) fn each_stored_element(
        &self,
        key: &[u8],
        kind: Kind,
        visit: &mut dyn FnMut(&[u8], Cell),
    ) -> Result<(), Error> {
        let prefix = element_prefix(key, kind);
        let mut bad = None;
        self.rows.scan(&prefix, &past(&prefix), &mut |row, bytes| match Cell::decode(bytes.clone()) {
            Ok(cell) => {
                visit(element_of(row, prefix.len()).1, cell);
                true
            }
            Err(malformed) => {
                bad = Some(malformed);
                false
            }
        })?;
        bad.map_or(Ok(()), |malformed| Err(Error::Rows(malformed.into())))
    }

    /// All members or fields of a collection, unordered.
    pub fn fields(&self, key: &[u8], kind: Kind) -> Result<Vec<Bytes>, Error> {
        let (mut fields, mut full) = (Vec::new(), Ok(()));
        self.each_element(key, kind, 0, &mut |_, field, _| {
            full = self.take(field.len());
            fields.push(Bytes::copy_from_slice(field));
            full.is_ok()
        })?;
        full.map(|()| fields)
    }

    /// All (field, value) of a hash, unordered.
    pub fn pairs(&self, key: &[u8]) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let (mut pairs, mut full) = (Vec::new(), Ok(()));
        self.each_element(key, Kind::Hash, 0, &mut |_, field, cell| {
            if let Some(value) = cell.visible().map(text_of) {
                full = self.take(field.len() + value.len());
                pairs.push((Bytes::copy_from_slice(field), value));
            }
            full.is_ok()
        })?;
        full.map(|()| pairs)
    }

    /// Visits sorted-set members within `span`, by score then member, ascending, until `visit` answers false.
    pub fn each_score(
        &self,
        key: &[u8],
        span: ScoreSpan,
        visit: &mut dyn FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        self.each_score_from(key, span, b"", visit)
    }

    /// Like [`View::each_score`], but of the lowest score only members from `member` on.
    pub fn each_score_from(
        &self,
        key: &[u8],
        span: ScoreSpan,
        member: &[u8],
        visit: &mut dyn FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        if self.head_of_kind(key, Kind::Sorted)?.is_none() {
            return Ok(());
        }
        let (from, to) = (score_row(key, span.from, member), past_score(key, span.to));
        Ok(self.rows.scan(&from, &to, &mut each_score_row(key, visit))?)
    }

    /// Like [`View::each_score`], descending.
    pub fn each_score_back(
        &self,
        key: &[u8],
        span: ScoreSpan,
        visit: &mut dyn FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        self.scan_scores_back(key, &score_row(key, span.from, b""), &past_score(key, span.to), visit)
    }

    /// Like [`View::each_score_back`], but of the highest score only members up to `member`, which is included.
    pub fn each_score_back_from(
        &self,
        key: &[u8],
        span: ScoreSpan,
        member: &[u8],
        visit: &mut dyn FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        let mut to = score_row(key, span.to, member);
        to.push(0);
        self.scan_scores_back(key, &score_row(key, span.from, b""), &to, visit)
    }

    fn scan_scores_back(
        &self,
        key: &[u8],
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        if self.head_of_kind(key, Kind::Sorted)?.is_none() {
            return Ok(());
        }
        Ok(self.rows.scan_back(from, to, &mut each_score_row(key, visit))?)
    }

    /// All (member, score) of a sorted set, ascending.
    pub fn scores(&self, key: &[u8], span: ScoreSpan) -> Result<Vec<(Bytes, f64)>, Error> {
        let (mut scores, mut full) = (Vec::new(), Ok(()));
        self.each_score(key, span, &mut |score, member| {
            full = self.take(member.len());
            scores.push((Bytes::copy_from_slice(member), score));
            full.is_ok()
        })?;
        full.map(|()| scores)
    }

    /// Visits keys that exist and have not expired, in the order of their hashes, from `cursor` (0: all), until
    /// `visit` answers false. Gives (hash, key, head).
    pub fn each_key(&self, cursor: u32, visit: &mut dyn FnMut(u32, &[u8], &Head) -> bool) -> Result<(), Error> {
        let (from, to) = head_span(cursor);
        let mut bad = None;
        self.rows.scan(&from, &to, &mut |row, bytes| match Head::decode(bytes.clone()) {
            Ok(head) if head.exists() && !head.expired(self.now_ms) => {
                let hash = row.get(1..5).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
                visit(hash, head_of(row), &head)
            }
            Ok(_) => true,
            Err(malformed) => {
                bad = Some(malformed);
                false
            }
        })?;
        bad.map_or(Ok(()), |malformed| Err(Error::Rows(malformed.into())))
    }
}

/// Shows the rows of a sorted set's index as (score, member).
fn each_score_row(key: &[u8], visit: &mut dyn FnMut(f64, &[u8]) -> bool) -> impl FnMut(&[u8], &Bytes) -> bool {
    let prefix = score_prefix(key).len();
    move |row, _| {
        let (score, member) = score_of(row, prefix);
        visit(score, member)
    }
}

/// A visible value as the text a client reads.
pub(crate) fn text_of(visible: Visible) -> Bytes {
    match visible {
        Visible::Text(bytes) => bytes,
        Visible::Number(Number::Int(value)) => Bytes::from(value.to_string()),
        Visible::Number(Number::Float(value)) => Bytes::from(float::format_sum(value)),
    }
}

/// The first index row after all members of `score`. No score sorts above positive infinity, so one more is a row too.
fn past_score(key: &[u8], score: f64) -> Vec<u8> {
    let mut row = score_prefix(key);
    row.extend_from_slice(&u64::from_be_bytes(score_bytes(score)).saturating_add(1).to_be_bytes());
    row
}

/// The first row after all that begin with an element prefix, whose last byte is a kind and never 255.
fn past(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix ends in its kind") += 1;
    end
}
