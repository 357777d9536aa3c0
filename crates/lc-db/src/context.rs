//! The context of a key: which writes a reader was shown, so that a write can replace exactly these.

use std::fmt;

use lc_core::{Dot, ReplicaId, limits};
use lc_crdt::{Head, Kind};

use crate::arguments::shown;
use crate::{Error, View};

/// Writes, as text `1-42,2-17`: replica and number of each, in order; `-` if there are none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Context {
    /// Sorted, each once, so that equality is that of sets.
    dots: Vec<Dot>,
}

impl Context {
    /// The writes that stand in a key's string: its values, and the latest increments of each replica.
    pub fn of(head: &Head) -> Context {
        let values = head.string.siblings.iter().map(|sibling| sibling.dot);
        let counts = head.string.counts.iter().map(|count| Dot::new(count.replica, count.seq));
        Context::from_dots(values.chain(counts).collect())
    }

    /// The context of a key as it is now; empty if there is none, `WRONGTYPE` if it holds no string.
    pub fn of_key(view: &View<'_>, key: &[u8]) -> Result<Context, Error> {
        Ok(view.head_of_kind(key, Kind::String)?.as_ref().map(Context::of).unwrap_or_default())
    }

    /// Reads what [`Context`] shows; order and repetition do not matter.
    pub fn parse(text: &[u8]) -> Result<Context, Error> {
        if text == b"-" {
            return Ok(Context::default());
        }
        let mut dots = Vec::new();
        for part in text.split(|&byte| byte == b',') {
            if dots.len() == DOTS_MAX {
                return Err(Error::caller(format!("a context names at most {DOTS_MAX} writes")));
            }
            dots.push(dot(part).ok_or_else(|| {
                Error::caller(format!(
                    "'{}' is no context: it is '-' or writes such as 1-42,2-17, as SIBLINGS and CONTEXT show them",
                    shown(text)
                ))
            })?);
        }
        Ok(Context::from_dots(dots))
    }

    /// Reads one write, or `-` for none.
    pub fn parse_dot(text: &[u8]) -> Result<Context, Error> {
        if text == b"-" {
            return Ok(Context::default());
        }
        let dot = dot(text).ok_or_else(|| {
            Error::caller(format!("'{}' is no write: one looks like 1-42, as SIBLINGS shows it", shown(text)))
        })?;
        Ok(Context { dots: vec![dot] })
    }

    /// The writes, in order, each once.
    pub fn dots(&self) -> &[Dot] {
        &self.dots
    }

    fn from_dots(mut dots: Vec<Dot>) -> Context {
        dots.sort_unstable();
        dots.dedup();
        Context { dots }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dots.is_empty() {
            return f.write_str("-");
        }
        for (at, dot) in self.dots.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { "," } else { "" }, dot_text(*dot))?;
        }
        Ok(())
    }
}

/// A write as a context names it.
pub(crate) fn dot_text(dot: Dot) -> String {
    format!("{}-{}", dot.replica.0, dot.seq)
}

/// Digits only, and neither is 0: a write has one text.
fn dot(text: &[u8]) -> Option<Dot> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let number = |digits: &[u8]| {
        let plain = digits.first().is_some_and(|&first| first != b'0') && digits.iter().all(u8::is_ascii_digit);
        if plain { std::str::from_utf8(digits).ok()?.parse::<u64>().ok() } else { None }
    };
    let replica = u16::try_from(number(&text[..dash])?).ok()?;
    Some(Dot::new(ReplicaId(replica), number(&text[dash + 1..])?))
}

/// As many values as a cell may hold.
const DOTS_MAX: usize = limits::SIBLINGS_MAX;

#[cfg(test)]
mod tests {
    use lc_core::{Dot, ReplicaId};

    use super::{Context, DOTS_MAX};
    use crate::Error;

    #[test]
    fn a_context_is_a_set_with_one_text() {
        let context = Context::parse(b"2-17,1-42,2-17,2-9").unwrap();
        assert_eq!(context.to_string(), "1-42,2-9,2-17");
        assert_eq!(context, Context::parse(b"2-9,2-17,1-42").unwrap());
        assert_ne!(context, Context::parse(b"2-9,2-17").unwrap());
        assert_eq!(context.dots()[0], Dot::new(ReplicaId(1), 42));
        assert_eq!(Context::parse(b"65535-18446744073709551615").unwrap().to_string(), "65535-18446744073709551615");
    }

    #[test]
    fn nothing_is_a_dash() {
        let nothing = Context::parse(b"-").unwrap();
        assert_eq!((nothing.dots().len(), nothing.to_string().as_str()), (0, "-"));
        assert_eq!(Context::parse_dot(b"-").unwrap(), nothing);
    }

    #[test]
    fn what_is_no_context_is_refused_and_shown() {
        for wrong in [
            "",
            ",",
            "1",
            "1-",
            "-1",
            "1-2,",
            "0-1",
            "1-0",
            "+1-2",
            "1-02",
            "1--2",
            "65536-1",
            "1-18446744073709551616",
            "1:2",
        ] {
            let refused = Context::parse(wrong.as_bytes()).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("'{wrong}' is no context")), "{refused}");
        }
        assert!(Context::parse_dot(b"1-2,1-3").is_err());
    }

    #[test]
    fn the_longest_context_is_as_many_values_as_a_key_may_hold() {
        let text = |count: usize| (1..=count).map(|seq| format!("1-{seq}")).collect::<Vec<_>>().join(",");
        assert_eq!(Context::parse(text(DOTS_MAX).as_bytes()).unwrap().dots().len(), DOTS_MAX);
        assert_eq!(
            Context::parse(text(DOTS_MAX + 1).as_bytes()),
            Err(Error::caller("a context names at most 4096 writes"))
        );
    }
}
