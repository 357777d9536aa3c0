//! `If-Match` and `If-None-Match`: what a record must be for a write to happen.

use axum::http::{HeaderMap, header};
use bytes::Bytes;

use crate::Problem;
use crate::asked::{said, word};
use crate::exchange::text;

/// What a record must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// Anything.
    Any,
    /// Not there.
    Absent,
    /// There.
    Present,
    /// Exactly what somebody saw who was told this context.
    Context(String),
}

impl Condition {
    /// Reads the headers.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Condition, Problem> {
        match (text(headers, &header::IF_MATCH)?, text(headers, &header::IF_NONE_MATCH)?) {
            (None, None) => Ok(Condition::Any),
            (None, Some(star)) if star == "*" => Ok(Condition::Absent),
            (Some(star), None) if star == "*" => Ok(Condition::Present),
            (Some(tag), None) => context(&tag).map(Condition::Context),
            (None, Some(_)) => Err(Problem::invalid("If-None-Match: only * has a meaning here")),
            (Some(_), Some(_)) => Err(Problem::invalid("give If-Match or If-None-Match, not both")),
        }
    }

    /// The words that `SET` knows for it.
    pub(crate) fn set_words(&self) -> Vec<Bytes> {
        match self {
            Condition::Any => Vec::new(),
            Condition::Absent => vec![word("NX")],
            Condition::Present => vec![word("XX")],
            Condition::Context(context) => vec![word("IFCONTEXT"), said(context)],
        }
    }
}

/// A context in quotes, as `ETag` shows it.
fn context(tag: &str) -> Result<String, Problem> {
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner.filter(|inner| !inner.is_empty() && !inner.contains('"')) {
        Some(inner) => Ok(inner.to_owned()),
        None => Err(Problem::invalid("If-Match: give one context in quotes, as ETag showed it, or *")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::Condition;

    fn condition(pairs: &[(&'static str, &'static str)]) -> Option<Condition> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        Condition::of(&headers).ok()
    }

    #[test]
    fn a_condition_is_one_of_four() {
        assert_eq!(condition(&[]), Some(Condition::Any));
        assert_eq!(condition(&[("if-none-match", "*")]), Some(Condition::Absent));
        assert_eq!(condition(&[("if-match", "*")]), Some(Condition::Present));
        assert_eq!(condition(&[("if-match", "\"1.5\"")]), Some(Condition::Context("1.5".to_owned())));
    }

    #[test]
    fn what_cannot_be_judged_is_refused_rather_than_ignored() {
        for wrong in [
            &[("if-match", "1.5")][..],
            &[("if-match", "W/\"1.5\"")],
            &[("if-match", "\"1.5\", \"1.6\"")],
            &[("if-match", "\"\"")],
            &[("if-match", "\"1\""), ("if-match", "\"2\"")],
            &[("if-none-match", "\"1.5\"")],
            &[("if-match", "*"), ("if-none-match", "*")],
        ] {
            assert_eq!(condition(wrong), None, "{wrong:?}");
        }
    }
}
