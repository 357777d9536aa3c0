//! Sums of digests over stretches of key hashes, from all of them down to the smallest.

use lc_core::Span;

/// Sums by the first bits of a key's hash. The smallest stretches are kept; larger ones are added up when asked for.
#[derive(Clone, Debug)]
pub struct SumTree {
    bits: u8,
    leaves: Vec<u64>,
}

impl SumTree {
    /// 2^`bits` stretches of 8 bytes of memory each; at most [`SumTree::BITS_MAX`].
    pub fn new(bits: u8) -> SumTree {
        let bits = bits.min(SumTree::BITS_MAX);
        SumTree { bits, leaves: vec![0; 1 << bits] }
    }

    /// 8 MiB of sums: with 4,000,000 records and more, a smallest stretch holds over four of them.
    pub const BITS_MAX: u8 = 20;

    /// So many bits that a smallest stretch holds about four records.
    pub fn bits_for(records: u64) -> u8 {
        (u64::BITS - (records / 4).leading_zeros()).min(u32::from(SumTree::BITS_MAX)) as u8
    }

    /// Adds the digest of a row whose key has this hash.
    pub fn add(&mut self, hash: u32, digest: u64) {
        let at = if self.bits == 0 { 0 } else { (hash >> (32 - u32::from(self.bits))) as usize };
        self.leaves[at] = self.leaves[at].wrapping_add(digest);
    }

    /// Makes every smallest stretch that meets this one differ from what it was; an odd number differs in larger ones, too.
    pub fn spoil(&mut self, span: &Span, by: u64) {
        let below = 32 - u32::from(self.bits);
        let leaf = |place: &[u8]| (u64::from(hash_of(place)) >> below) as usize;
        let last = if span.to.is_empty() { self.leaves.len() - 1 } else { leaf(&span.to) };
        let met = leaf(&span.from)..=last;
        self.leaves[met].iter_mut().for_each(|leaf| *leaf = leaf.wrapping_add(by | 1));
    }

    /// How many bits the smallest stretches have in common.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The sum over all hashes that begin with these bits, as it is sent.
    pub fn sum(&self, depth: u8, prefix: u32) -> [u8; SUM_BYTES] {
        let depth = depth.min(self.bits);
        let below = self.bits - depth;
        let from = (prefix as usize) << below;
        let leaves = self.leaves.get(from..from + (1 << below)).unwrap_or_default();
        let sum = leaves.iter().fold(0u64, |sum, leaf| sum.wrapping_add(*leaf));
        let mut bytes = [0; SUM_BYTES];
        bytes.copy_from_slice(&sum.to_le_bytes()[..SUM_BYTES]);
        bytes
    }

    /// The stretch of places whose hash begins with these bits. A place begins with the hash, big-endian.
    pub fn span(depth: u8, prefix: u32) -> Span {
        if depth == 0 {
            return Span::all();
        }
        let place = |prefix: u64| ((prefix << (32 - u32::from(depth))) as u32).to_be_bytes().to_vec();
        let end = u64::from(prefix) + 1;
        Span {
            from: if prefix == 0 { Vec::new().into() } else { place(u64::from(prefix)).into() },
            to: if end >> depth > 0 { Vec::new().into() } else { place(end).into() },
        }
    }
}

/// What a place begins with.
pub(super) fn hash_of(place: &[u8]) -> u32 {
    place.iter().chain([&0; 4]).take(4).fold(0, |hash, byte| hash << 8 | u32::from(*byte))
}

/// Chance of taking two different stretches for equal: one in 2^48, with another salt each time.
pub const SUM_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use lc_core::Span;

    use super::SumTree;

    #[test]
    fn what_is_spoiled_differs_at_every_depth_and_the_rest_does_not() {
        let mut tree = SumTree::new(20);
        let whole = tree.clone();
        let span = Span { from: vec![0x10, 0, 0, 1].into(), to: vec![0x10, 0, 0x20, 0, 7].into() };
        tree.spoil(&span, 6);
        let differs = |depth: u8, prefix: u32| tree.sum(depth, prefix) != whole.sum(depth, prefix);
        let leaves: Vec<u32> = (0..1 << 20).filter(|&leaf| differs(20, leaf)).collect();
        assert_eq!(leaves, [0x10000, 0x10001, 0x10002]);
        assert!(differs(0, 0) && differs(4, 1) && !differs(4, 2));
        let mut tree = whole.clone();
        tree.spoil(&Span::all(), 0);
        assert!((0..1 << 20).all(|leaf| tree.sum(20, leaf) != whole.sum(20, leaf)));
        assert_ne!(tree.sum(0, 0), whole.sum(0, 0));
    }

    #[test]
    fn children_add_up_to_their_parent_and_stretches_leave_no_gap() {
        let mut tree = SumTree::new(6);
        (0..1000u32).for_each(|at| tree.add(at.wrapping_mul(2_654_435_761), u64::from(at) << 3));
        let number = |bytes: [u8; 6]| bytes.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let children: u64 = (0..4).map(|child| number(tree.sum(5, 4 + child))).sum();
        assert_eq!(children % (1 << 48), number(tree.sum(3, 1)));
        assert_eq!(SumTree::span(3, 0).from, Span::all().from);
        assert_eq!(SumTree::span(3, 7).to, Span::all().to);
        assert!((0..7).all(|prefix| SumTree::span(3, prefix).to == SumTree::span(3, prefix + 1).from));
        assert_eq!([0, 3, 4, 4_000_000, u64::MAX].map(SumTree::bits_for), [0, 0, 1, 20, 20]);
    }
}
