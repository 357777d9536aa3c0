//! The newest durable records in memory, as they were written: what a healthy peer still needs is here.

use std::collections::VecDeque;

use bytes::Bytes;

/// Whole writes, oldest first, at most `bytes_max` together.
pub(crate) struct Tail {
    writes: VecDeque<(u64, Bytes)>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    pub(crate) fn new(bytes_max: usize) -> Tail {
        Tail { writes: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn push(&mut self, start: u64, write: Bytes) {
        self.bytes += write.len();
        self.writes.push_back((start, write));
        while self.bytes > self.bytes_max {
            let (_, oldest) = self.writes.pop_front().expect("bytes are counted for what is held");
            self.bytes -= oldest.len();
        }
    }

    /// What is held from `from` on, up to about `bytes_max`, with the position of its first byte; nothing if `from` is not held.
    pub(crate) fn from(&self, from: u64, bytes_max: usize) -> Vec<(u64, Bytes)> {
        let after = self.writes.partition_point(|(start, _)| *start <= from);
        let Some(index) = after.checked_sub(1) else { return Vec::new() };
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (start, write) in self.writes.range(index..) {
            let skipped = from.saturating_sub(*start) as usize;
            if skipped < write.len() && bytes < bytes_max {
                bytes += write.len() - skipped;
                found.push((start + skipped as u64, write.slice(skipped..)));
            }
            if bytes >= bytes_max {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Tail};

    #[test]
    fn the_oldest_writes_go_first_and_a_read_may_begin_inside_one() {
        let mut tail = Tail::new(8);
        tail.push(10, Bytes::from_static(b"aaaa"));
        tail.push(14, Bytes::from_static(b"bbbb"));
        assert_eq!(tail.from(12, 100), [(12, Bytes::from_static(b"aa")), (14, Bytes::from_static(b"bbbb"))]);
        assert_eq!(tail.from(10, 1), [(10, Bytes::from_static(b"aaaa"))]);
        tail.push(18, Bytes::from_static(b"c"));
        assert!(tail.from(13, 100).is_empty(), "no longer held");
        assert_eq!(tail.from(14, 100).len(), 2);
        assert!(tail.from(19, 100).is_empty(), "nothing there yet");
    }
}
