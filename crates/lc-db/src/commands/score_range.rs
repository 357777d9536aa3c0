//! Ranges of a sorted set: by rank, by score, by member; forwards or backwards; whole or a part.
//!
//! Cost: a range by score or member walks what it answers, plus its offset. A range by rank walks from the nearer end.

use bytes::Bytes;
use lc_crdt::Kind;

use super::score_bounds::{self, MemberEnd};
use crate::arguments::{Args, int, is};
use crate::{Error, Reply, ScoreSpan, Txn, View};

/// Members with their scores, in the order of the range.
pub(super) type Scored = Vec<(Bytes, f64)>;

/// Which members.
pub(super) enum Range<'a> {
    /// From one place to another, below zero counting from the end.
    Ranks(i64, i64),
    /// Scores in a span; `None` is an empty one.
    Scores(Option<ScoreSpan>),
    /// Members between two, where all have the same score.
    Members(MemberEnd<'a>, MemberEnd<'a>),
}

/// A range, its direction and its part.
pub(super) struct Selection<'a> {
    /// Which members.
    pub range: Range<'a>,
    /// From the highest.
    pub reverse: bool,
    /// How many to pass over.
    pub offset: usize,
    /// How many to give at most.
    pub limit: usize,
}

/// What a command of the `ZRANGE` family has fixed; options choose the rest.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// How it ranges, if not for an option to say.
    pub by: Option<By>,
    /// Its direction, if not for an option to say.
    pub reverse: Option<bool>,
    /// Whether `WITHSCORES` may be asked for.
    pub scores: bool,
}

/// What a range goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Place in the order.
    Rank,
    /// Score.
    Score,
    /// Member.
    Member,
}

impl<'a> Selection<'a> {
    /// A whole range, forwards.
    pub(super) fn all(range: Range<'a>) -> Selection<'a> {
        Selection { range, reverse: false, offset: 0, limit: usize::MAX }
    }

    /// Reads `min max [options]`; gives the selection and whether scores are asked for.
    pub(super) fn parse(args: Args<'a>, form: Form) -> Result<(Selection<'a>, bool), Error> {
        let &[first, second, ref words @ ..] = args else { return Err(Error::Syntax) };
        let options = Options::parse(words, form)?;
        let by = options.by.unwrap_or(By::Rank);
        // As Redis: a LIMIT without end is let through, and does nothing.
        if by == By::Rank && options.limit.is_some_and(|(_, count)| count != -1) {
            return Err(Error::caller(
                "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Member && options.scores {
            return Err(Error::caller("syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let reverse = options.reverse.unwrap_or(false);
        let (min, max) = if reverse { (second, first) } else { (first, second) };
        let range = match by {
            By::Rank => Range::Ranks(int(first)?, int(second)?),
            By::Score => Range::Scores(score_bounds::scores(min, max)?),
            By::Member => Range::Members(MemberEnd::parse(min)?, MemberEnd::parse(max)?),
        };
        let (offset, limit) = options.limit.unwrap_or((0, -1));
        // As Redis: a negative count is no limit, a negative offset passes over everything.
        let limit = if offset < 0 { 0 } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        Ok((Selection { range, reverse, offset: usize::try_from(offset).unwrap_or(0), limit }, options.scores))
    }

    /// What is selected of a key; nothing if it is absent.
    pub(super) fn read(&self, view: &View<'_>, key: &[u8]) -> Result<Scored, Error> {
        if let Range::Ranks(first, last) = self.range {
            return ranks(view, key, first, last, self.reverse);
        }
        let (mut selected, mut full) = (Vec::new(), Ok(()));
        let mut passed = 0;
        // Checked here too: with a limit of 0 nobody would look at the key's type.
        view.head_of_kind(key, Kind::Sorted)?;
        if self.limit == 0 {
            return Ok(selected);
        }
        self.each(view, key, &mut |score, member| {
            if passed < self.offset {
                passed += 1;
                return true;
            }
            full = view.take(member.len());
            selected.push((Bytes::copy_from_slice(member), score));
            full.is_ok() && selected.len() < self.limit
        })?;
        full.map(|()| selected)
    }

    /// How many a whole range selects.
    pub(super) fn count(&self, view: &View<'_>, key: &[u8]) -> Result<usize, Error> {
        let mut count = 0;
        view.head_of_kind(key, Kind::Sorted)?;
        self.each(view, key, &mut |_, _| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    fn each(&self, view: &View<'_>, key: &[u8], visit: &mut dyn FnMut(f64, &[u8]) -> bool) -> Result<(), Error> {
        match self.range {
            Range::Ranks(first, last) => {
                let members = ranks(view, key, first, last, self.reverse)?;
                members.iter().all(|(member, score)| visit(*score, member));
                Ok(())
            }
            Range::Scores(None) => Ok(()),
            Range::Scores(Some(span)) if self.reverse => view.each_score_back(key, span, visit),
            Range::Scores(Some(span)) => view.each_score(key, span, visit),
            Range::Members(min, max) if self.reverse => {
                let (span, from) = one_score(view, key, max)?;
                let mut within =
                    |score, member: &[u8]| !max.is_above(member) || min.is_below(member) && visit(score, member);
                match from {
                    Some(from) => view.each_score_back_from(key, span, from, &mut within),
                    None => view.each_score_back(key, span, &mut within),
                }
            }
            Range::Members(min, max) => {
                let (span, from) = one_score(view, key, min)?;
                let mut within =
                    |score, member: &[u8]| !min.is_below(member) || max.is_above(member) && visit(score, member);
                view.each_score_from(key, span, from.unwrap_or_default(), &mut within)
            }
        }
    }
}

/// Where a walk over members can begin: at `end` itself if all have one score, else with the whole set.
fn one_score<'a>(view: &View<'_>, key: &[u8], end: MemberEnd<'a>) -> Result<(ScoreSpan, Option<&'a [u8]>), Error> {
    let (mut lowest, mut highest) = (None, None);
    view.each_score(key, ScoreSpan::ALL, &mut |score, _| {
        lowest = Some(score);
        false
    })?;
    view.each_score_back(key, ScoreSpan::ALL, &mut |score, _| {
        highest = Some(score);
        false
    })?;
    match (lowest, highest) {
        (Some(from), Some(to)) if from == to => Ok((ScoreSpan { from, to }, end.member())),
        _ => Ok((ScoreSpan::ALL, None)),
    }
}

fn ranks(view: &View<'_>, key: &[u8], first: i64, last: i64, reverse: bool) -> Result<Scored, Error> {
    let length = view.length(key, Kind::Sorted)? as i64;
    let place = |rank: i64| if rank < 0 { rank.saturating_add(length) } else { rank };
    let (first, last) = (place(first).max(0), place(last).min(length - 1));
    if first > last {
        return Ok(Vec::new());
    }
    let (first, last) = if reverse { (length - 1 - last, length - 1 - first) } else { (first, last) };
    let from_end = length - 1 - last < first;
    let (skip, take) = (if from_end { length - 1 - last } else { first } as usize, (last - first + 1) as usize);
    let (mut selected, mut full) = (Vec::new(), Ok(()));
    let mut at = 0;
    let mut visit = |score: f64, member: &[u8]| {
        if at >= skip {
            full = view.take(member.len());
            selected.push((Bytes::copy_from_slice(member), score));
        }
        at += 1;
        full.is_ok() && selected.len() < take
    };
    match from_end {
        true => view.each_score_back(key, ScoreSpan::ALL, &mut visit)?,
        false => view.each_score(key, ScoreSpan::ALL, &mut visit)?,
    }
    full?;
    if from_end != reverse {
        selected.reverse();
    }
    Ok(selected)
}

#[derive(Default)]
struct Options {
    by: Option<By>,
    reverse: Option<bool>,
    limit: Option<(i64, i64)>,
    scores: bool,
}

impl Options {
    fn parse(mut words: Args<'_>, form: Form) -> Result<Options, Error> {
        let mut options = Options { by: form.by, reverse: form.reverse, ..Options::default() };
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            match word {
                _ if is(word, "withscores") && form.scores => options.scores = true,
                _ if is(word, "limit") && rest.len() >= 2 => {
                    options.limit = Some((int(rest[0])?, int(rest[1])?));
                    words = &rest[2..];
                }
                _ if is(word, "rev") && options.reverse.is_none() => options.reverse = Some(true),
                _ if is(word, "bylex") && options.by.is_none() => options.by = Some(By::Member),
                _ if is(word, "byscore") && options.by.is_none() => options.by = Some(By::Score),
                _ => return Err(Error::Syntax),
            }
        }
        Ok(options)
    }
}

/// Carries out a command that reads `key min max [options]`.
pub(super) fn run(view: &View<'_>, args: Args<'_>, form: Form) -> Result<Reply, Error> {
    let (selection, scores) = Selection::parse(&args[1..], form)?;
    Ok(reply(selection.read(view, args[0])?, scores))
}

/// Removes a range and answers how many members that were.
pub(super) fn remove(txn: &mut Txn<'_>, key: &[u8], range: Range<'_>) -> Result<Reply, Error> {
    let scored = Selection::all(range).read(&txn.view(), key)?;
    let members: Vec<_> = scored.into_iter().map(|(member, _)| member).collect();
    txn.remove_elements(key, Kind::Sorted, &members)?;
    Ok(Reply::count(members.len()))
}

/// Members alone, or with their scores.
pub(super) fn reply(scored: Scored, scores: bool) -> Reply {
    let scored = scored.into_iter();
    if scores { pairs(scored) } else { Reply::Array(scored.map(|(member, _)| Reply::Bulk(member)).collect()) }
}

/// Members with their scores.
pub(super) fn pairs(scored: impl IntoIterator<Item = (Bytes, f64)>) -> Reply {
    Reply::Pairs(scored.into_iter().map(|(member, score)| (Reply::Bulk(member), Reply::Double(score))).collect())
}
