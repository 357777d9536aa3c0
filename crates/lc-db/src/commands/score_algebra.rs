//! Union, intersection and difference of sorted sets; plain sets may take part, each member with a score of 1.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_crdt::Kind;

use super::counted_keys;
use super::score_range::Scored;
use crate::arguments::{Args, float, int, is};
use crate::{Error, Reply, Txn, View};

/// What is asked for: `numkeys key [key ...] [WEIGHTS ...] [AGGREGATE ...] [WITHSCORES]`.
pub(super) struct Request<'a> {
    keys: Args<'a>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    limit: usize,
    /// Whether the reply has scores.
    pub scores: bool,
}

/// Which options a command takes.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// For the text of an error.
    pub name: &'static str,
    /// `WEIGHTS` and `AGGREGATE`.
    pub weighted: bool,
    /// `WITHSCORES`.
    pub scores: bool,
    /// `LIMIT`.
    pub limited: bool,
}

/// What scores of one member become.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

/// The score that a member with this score gets, or that it is left out.
type Keep<'a> = dyn Fn(&[u8], f64) -> Result<Option<f64>, Error> + 'a;

/// Answers whether to go on.
type VisitKept<'a> = dyn FnMut(&[u8], f64) -> Result<bool, Error> + 'a;

/// A key that takes part.
struct Source<'a> {
    key: &'a [u8],
    kind: Kind,
    length: u64,
    weight: f64,
}

impl<'a> Request<'a> {
    /// Reads the arguments from `numkeys` on.
    pub(super) fn parse(args: Args<'a>, form: Form) -> Result<Request<'a>, Error> {
        int(args[0])?;
        let few = Error::caller(format!("at least 1 input key is needed for '{}' command", form.name));
        let (keys, mut words) = counted_keys::split(args, few, Error::Syntax)?;
        let mut request = Request {
            keys,
            weights: vec![1.0; keys.len()],
            aggregate: Aggregate::Sum,
            limit: usize::MAX,
            scores: false,
        };
        while let Some((word, rest)) = words.split_first() {
            words = match word {
                _ if is(word, "weights") && form.weighted => request.weights(rest)?,
                _ if is(word, "aggregate") && form.weighted => request.aggregate(rest)?,
                _ if is(word, "withscores") && form.scores => {
                    request.scores = true;
                    rest
                }
                _ if is(word, "limit") && form.limited => request.limit(rest)?,
                _ => return Err(Error::Syntax),
            };
        }
        Ok(request)
    }

    fn weights(&mut self, words: Args<'a>) -> Result<Args<'a>, Error> {
        let (weights, rest) = words.split_at_checked(self.keys.len()).ok_or(Error::Syntax)?;
        let weight = |text: &&[u8]| float(text).map_err(|_| Error::caller("weight value is not a float"));
        self.weights = weights.iter().map(weight).collect::<Result<_, Error>>()?;
        Ok(rest)
    }

    fn aggregate(&mut self, words: Args<'a>) -> Result<Args<'a>, Error> {
        let (word, rest) = words.split_first().ok_or(Error::Syntax)?;
        self.aggregate = match word {
            _ if is(word, "sum") => Aggregate::Sum,
            _ if is(word, "min") => Aggregate::Min,
            _ if is(word, "max") => Aggregate::Max,
            _ => return Err(Error::Syntax),
        };
        Ok(rest)
    }

    fn limit(&mut self, words: Args<'a>) -> Result<Args<'a>, Error> {
        let (number, rest) = words.split_first().ok_or(Error::Syntax)?;
        self.limit = counted_keys::limit_number(number)?;
        Ok(rest)
    }

    /// Members of at least one key.
    pub(super) fn union(&self, view: &View<'_>) -> Result<Scored, Error> {
        let mut scores: BTreeMap<Bytes, f64> = BTreeMap::new();
        let mut full = Ok(());
        for source in self.by_length(view)? {
            source.each(view, &mut |member, score| {
                match scores.get_mut(member) {
                    Some(sum) => *sum = self.aggregate.of(*sum, score),
                    None => {
                        full = view.take(member.len());
                        scores.insert(Bytes::copy_from_slice(member), score);
                    }
                }
                full.is_ok()
            })?;
            full.clone()?;
        }
        Ok(ordered(scores.into_iter().collect()))
    }

    /// Members of every key, as many as `LIMIT` asks for. Walks the smallest and looks each member up in the others.
    pub(super) fn intersection(&self, view: &View<'_>) -> Result<Scored, Error> {
        let sources = self.by_length(view)?;
        let Some((smallest, others)) = sources.split_first() else { return Ok(Vec::new()) };
        let scored = smallest.filter(view, self.limit, &|member, score| self.common(view, others, member, score))?;
        Ok(ordered(scored))
    }

    /// How many members every key has, as many as `LIMIT` asks for; keeps none of them.
    pub(super) fn intersection_count(&self, view: &View<'_>) -> Result<usize, Error> {
        let sources = self.by_length(view)?;
        let Some((smallest, others)) = sources.split_first() else { return Ok(0) };
        let mut count = 0;
        smallest.each_kept(view, &|member, score| self.common(view, others, member, score), &mut |_, _| {
            count += 1;
            Ok(count < self.limit)
        })?;
        Ok(count)
    }

    /// The score of a member that all the others have too.
    fn common(&self, view: &View<'_>, others: &[Source<'_>], member: &[u8], score: f64) -> Result<Option<f64>, Error> {
        let mut sum = score;
        for other in others {
            let Some(score) = other.score(view, member)? else { return Ok(None) };
            sum = self.aggregate.of(sum, score);
        }
        Ok(Some(sum))
    }

    /// Members of the first key and of no other, with their scores there.
    pub(super) fn difference(&self, view: &View<'_>) -> Result<Scored, Error> {
        let sources = self.sources(view)?;
        let Some((first, others)) = sources.split_first() else { return Ok(Vec::new()) };
        let scored = first.filter(view, usize::MAX, &|member, score| {
            for other in others {
                if other.score(view, member)?.is_some() {
                    return Ok(None);
                }
            }
            Ok(Some(score))
        })?;
        Ok(ordered(scored))
    }

    /// The smallest first: it is the cheapest to walk, and floats are summed in Redis' order.
    fn by_length(&self, view: &View<'_>) -> Result<Vec<Source<'a>>, Error> {
        let mut sources = self.sources(view)?;
        sources.sort_by_key(|source| source.length);
        Ok(sources)
    }

    /// Checks the type of every key. An absent one is an empty sorted set.
    fn sources(&self, view: &View<'_>) -> Result<Vec<Source<'a>>, Error> {
        let source = |(&key, &weight): (&&'a [u8], &f64)| match view.head(key)? {
            None => Ok(Source { key, kind: Kind::Sorted, length: 0, weight }),
            Some(head) => match head.kind() {
                Some(kind @ (Kind::Set | Kind::Sorted)) => Ok(Source { key, kind, length: head.length(kind), weight }),
                _ => Err(Error::WrongType),
            },
        };
        self.keys.iter().zip(&self.weights).map(source).collect()
    }
}

impl Source<'_> {
    fn weighted(&self, cell: &lc_crdt::Cell) -> f64 {
        let score = if self.kind == Kind::Set { 1.0 } else { cell.score().unwrap_or(0.0) };
        number(score * self.weight)
    }

    fn each(&self, view: &View<'_>, visit: &mut dyn FnMut(&[u8], f64) -> bool) -> Result<(), Error> {
        view.each_element(self.key, self.kind, 0, &mut |_, member, cell| visit(member, self.weighted(&cell)))
    }

    fn score(&self, view: &View<'_>, member: &[u8]) -> Result<Option<f64>, Error> {
        if self.length == 0 {
            return Ok(None);
        }
        Ok(view.element_unchecked(self.key, self.kind, member)?.map(|cell| self.weighted(&cell)))
    }

    fn filter(&self, view: &View<'_>, limit: usize, keep: &Keep<'_>) -> Result<Scored, Error> {
        let mut kept = Vec::new();
        self.each_kept(view, keep, &mut |member, score| {
            view.take(member.len())?;
            kept.push((Bytes::copy_from_slice(member), score));
            Ok(kept.len() < limit)
        })?;
        Ok(kept)
    }

    /// Visits what is kept, until `visit` answers false.
    fn each_kept(&self, view: &View<'_>, keep: &Keep<'_>, visit: &mut VisitKept<'_>) -> Result<(), Error> {
        let mut failed = None;
        self.each(view, &mut |member, score| {
            let goes_on = match keep(member, score) {
                Ok(Some(score)) => visit(member, score),
                Ok(None) => Ok(true),
                Err(error) => Err(error),
            };
            goes_on.unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        })?;
        failed.map_or(Ok(()), Err)
    }
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => number(one + other),
            Aggregate::Min => one.min(other),
            Aggregate::Max => one.max(other),
        }
    }
}

/// Infinity times zero and opposite infinities count as 0, as in Redis.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// By score, then member.
fn ordered(mut scored: Scored) -> Scored {
    scored.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.0.cmp(&b.0)));
    scored
}

/// Makes `scored` the whole of `destination`, whatever it held; answers how many they are.
pub(super) fn store(txn: &mut Txn<'_>, destination: &[u8], scored: Scored) -> Result<Reply, Error> {
    txn.delete(destination)?;
    for (member, score) in &scored {
        txn.set_score(destination, member, *score)?;
    }
    Ok(Reply::count(scored.len()))
}
