//! A stretch of an ordered space of byte strings.

use bytes::Bytes;

use crate::wire::{Malformed, Reader, put_bytes};

/// Everything from `from` on and before `to`. What the positions mean is up to whoever made them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span {
    /// The first position; empty: the very first.
    pub from: Bytes,
    /// The first position after it; empty: there is no end.
    pub to: Bytes,
}

impl Span {
    /// All positions.
    pub fn all() -> Span {
        Span::default()
    }

    /// From one position to before another; an empty `to` is the end of all.
    pub fn new(from: impl Into<Bytes>, to: impl Into<Bytes>) -> Span {
        Span { from: from.into(), to: to.into() }
    }

    /// Whether a position is in it.
    pub fn contains(&self, position: &[u8]) -> bool {
        position >= self.from.as_ref() && self.ends_after(position)
    }

    /// Whether it goes on at or beyond a position.
    pub fn ends_after(&self, position: &[u8]) -> bool {
        self.to.is_empty() || position < self.to.as_ref()
    }

    /// Whether all of `other` is in it.
    pub fn contains_all(&self, other: &Span) -> bool {
        other.from >= self.from && (self.to.is_empty() || !other.to.is_empty() && other.to <= self.to)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.ends_after(&self.from)
    }

    /// What both have; `None` if that is nothing.
    pub fn meet(&self, other: &Span) -> Option<Span> {
        let from = self.from.clone().max(other.from.clone());
        let to = match (self.to.is_empty(), other.to.is_empty()) {
            (true, _) => other.to.clone(),
            (_, true) => self.to.clone(),
            _ => self.to.clone().min(other.to.clone()),
        };
        let both = Span { from, to };
        if both.is_empty() { None } else { Some(both) }
    }

    /// What is in it and not in `other`: what is before, what is after.
    pub fn without(&self, other: &Span) -> Vec<Span> {
        let Some(both) = self.meet(other) else { return vec![self.clone()] };
        let before = Span { from: self.from.clone(), to: both.from };
        // Nothing is after a part that has no end, and an empty position would be read as the very first.
        let after = Span { from: both.to.clone(), to: self.to.clone() };
        let mut left = Vec::new();
        if before.from < before.to {
            left.push(before);
        }
        if !both.to.is_empty() && !after.is_empty() {
            left.push(after);
        }
        left
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.from);
        put_bytes(out, &self.to);
    }

    /// Reads what [`Span::encode`] wrote: positions of at most `bytes_max` each, and something in between.
    pub fn decode(reader: &mut Reader, bytes_max: usize) -> Result<Span, Malformed> {
        let from = reader.bytes(bytes_max, "span")?;
        let to = reader.bytes(bytes_max, "span")?;
        let span = Span { from, to };
        if span.is_empty() { Err(Malformed::OutOfBounds("span")) } else { Ok(span) }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn an_empty_end_is_no_end() {
        let all = Span::all();
        assert!(all.contains(b"") && all.contains(&[255; 9]) && !all.is_empty());
        assert_eq!(all.without(&Span::all()), []);
        assert_eq!(all.without(&Span::new("b", "c")), [Span::new("", "b"), Span::new("c", "")]);
        assert_eq!(Span::new("b", "").without(&Span::new("", "c")), [Span::new("c", "")]);
        assert_eq!(Span::new("b", "").without(&Span::new("c", "")), [Span::new("b", "c")]);
    }

    #[test]
    fn spans_that_only_touch_have_nothing_in_common() {
        assert_eq!(Span::new("a", "b").meet(&Span::new("b", "c")), None);
        assert_eq!(Span::new("a", "c").meet(&Span::new("b", "")), Some(Span::new("b", "c")));
        assert!(
            Span::new("a", "").contains_all(&Span::new("b", "c"))
                && !Span::new("a", "d").contains_all(&Span::new("b", ""))
        );
    }
}
