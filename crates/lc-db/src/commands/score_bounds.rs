//! Bounds of ranges: by score (`5`, `(5`, `-inf`) and by member (`[a`, `(a`, `-`, `+`).

use crate::arguments::float;
use crate::{Error, ScoreSpan};

/// Reads two bounds of scores; `None` if nothing can lie between them.
pub(super) fn scores(min: &[u8], max: &[u8]) -> Result<Option<ScoreSpan>, Error> {
    let (min, max) = (score(min)?, score(max)?);
    let from = if min.excluded { above(min.score) } else { Some(min.score) };
    let to = if max.excluded { above(-max.score).map(|score| -score) } else { Some(max.score) };
    Ok(from.zip(to).filter(|(from, to)| from <= to).map(|(from, to)| ScoreSpan { from, to }))
}

struct ScoreEnd {
    score: f64,
    excluded: bool,
}

fn score(text: &[u8]) -> Result<ScoreEnd, Error> {
    let (digits, excluded) = match text.strip_prefix(b"(") {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let score = float(digits).map_err(|_| Error::caller("min or max is not a float"))?;
    Ok(ScoreEnd { score, excluded })
}

/// The next float, so that an excluded bound becomes an included one; nothing is above infinity.
fn above(score: f64) -> Option<f64> {
    if score == f64::INFINITY { None } else { Some(score.next_up()) }
}

/// One end of a range of members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemberEnd<'a> {
    /// `-`: below every member.
    First,
    /// `[member`.
    Included(&'a [u8]),
    /// `(member`.
    Excluded(&'a [u8]),
    /// `+`: above every member.
    Last,
}

impl<'a> MemberEnd<'a> {
    /// Reads a bound.
    pub(super) fn parse(text: &'a [u8]) -> Result<MemberEnd<'a>, Error> {
        match text {
            b"-" => Ok(MemberEnd::First),
            b"+" => Ok(MemberEnd::Last),
            [b'[', member @ ..] => Ok(MemberEnd::Included(member)),
            [b'(', member @ ..] => Ok(MemberEnd::Excluded(member)),
            _ => Err(Error::caller("min or max not valid string range item")),
        }
    }

    /// Whether `member` lies above this end, as a minimum.
    pub(super) fn is_below(self, member: &[u8]) -> bool {
        match self {
            MemberEnd::First => true,
            MemberEnd::Included(end) => member >= end,
            MemberEnd::Excluded(end) => member > end,
            MemberEnd::Last => false,
        }
    }

    /// Whether `member` lies below this end, as a maximum.
    pub(super) fn is_above(self, member: &[u8]) -> bool {
        match self {
            MemberEnd::First => false,
            MemberEnd::Included(end) => member <= end,
            MemberEnd::Excluded(end) => member < end,
            MemberEnd::Last => true,
        }
    }

    /// The member at this end, if it names one.
    pub(super) fn member(self) -> Option<&'a [u8]> {
        match self {
            MemberEnd::Included(end) | MemberEnd::Excluded(end) => Some(end),
            MemberEnd::First | MemberEnd::Last => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MemberEnd, scores};

    #[test]
    fn excluded_scores_leave_no_gap_and_no_overlap() {
        let span =
            |min: &str, max: &str| scores(min.as_bytes(), max.as_bytes()).unwrap().map(|span| (span.from, span.to));
        assert_eq!(span("1", "(2"), Some((1.0, 2.0f64.next_down())));
        assert_eq!(span("(0", "+inf"), Some((5e-324, f64::INFINITY)));
        assert_eq!(span("(1", "(1"), None);
        assert_eq!(span("(inf", "inf"), None);
        assert_eq!(span("-inf", "(-inf"), None);
        assert_eq!(span("2", "1"), None);
        for (min, max) in [("x", "1"), ("1", "("), ("((1", "2"), ("nan", "1")] {
            assert_eq!(scores(min.as_bytes(), max.as_bytes()).unwrap_err().to_string(), "min or max is not a float");
        }
    }

    #[test]
    fn members_are_bounded_by_bytes() {
        let end = |text: &'static str| MemberEnd::parse(text.as_bytes()).unwrap();
        assert!(end("[b").is_below(b"b") && !end("(b").is_below(b"b") && end("(b").is_below(b"ba"));
        assert!(end("[b").is_above(b"b") && !end("(b").is_above(b"b") && end("(b").is_above(b"az"));
        assert!(!end("+").is_below(b"z") && !end("-").is_above(b"a"));
        assert!(MemberEnd::parse(b"b").is_err() && MemberEnd::parse(b"").is_err());
    }
}
