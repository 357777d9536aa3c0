//! One file: what programs see of it, what the medium has, and every state that its blocks were in between.

use std::collections::{BTreeMap, BTreeSet};

use lc_env::Random;

/// What a power loss keeps of what was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// What came first, up to some block in the middle of some write.
    Prefix,
    /// Any block in any of its states.
    Scattered,
}

/// What a block held after the change of this number.
type BlockState = (u64, Box<[u8]>);

#[derive(Default)]
pub(super) struct File {
    seen: Vec<u8>,
    safe: Vec<u8>,
    /// Blocks that changed since the last sync: what they held after each change, and the change's number.
    states: BTreeMap<usize, Vec<BlockState>>,
    /// Lengths since the last sync.
    lengths: Vec<(u64, usize)>,
    /// Number of the last change since the last sync.
    changes: u64,
    /// Where the last write began, and where the last one did that was synced.
    last_write: usize,
    last_synced: usize,
    unreadable: BTreeSet<usize>,
    rotten: BTreeMap<usize, u8>,
}

impl File {
    /// A file of which everything is on the medium.
    pub(super) fn safe_only(&self) -> File {
        File { seen: self.safe.clone(), safe: self.safe.clone(), last_synced: self.last_synced, ..File::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Reads what is there; `None` if a block of it is unreadable.
    pub(super) fn read(&self, offset: usize, into: &mut [u8]) -> Option<usize> {
        let start = self.seen.len().min(offset);
        let end = self.seen.len().min(offset + into.len());
        if start < end && self.unreadable.range(start / BLOCK..=(end - 1) / BLOCK).next().is_some() {
            return None;
        }
        into[..end - start].copy_from_slice(&self.seen[start..end]);
        for (at, bits) in self.rotten.range(start..end) {
            into[at - start] ^= bits;
        }
        Some(end - start)
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.lengthen(offset + bytes.len());
        let end = offset + bytes.len();
        self.seen[offset..end].copy_from_slice(bytes);
        self.last_write = offset;
        self.rotten.retain(|at, _| *at < offset || *at >= end);
        for block in offset / BLOCK..=(end - 1) / BLOCK {
            self.unreadable.remove(&block);
            self.note(block);
        }
    }

    /// Makes it longer with zeros that are really written.
    pub(super) fn write_zeros(&mut self, len: usize) {
        let before = self.seen.len();
        self.lengthen(len);
        (before / BLOCK..len.div_ceil(BLOCK)).for_each(|block| self.note(block));
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let before = self.seen.len();
        if len >= before {
            return self.lengthen(len);
        }
        self.seen.truncate(len);
        self.note_length();
        (len / BLOCK..before.div_ceil(BLOCK)).for_each(|block| self.note(block));
        self.last_write = self.last_write.min(len);
        self.last_synced = self.last_synced.min(len);
        self.unreadable.retain(|block| block * BLOCK < len);
        self.rotten.retain(|at, _| *at < len);
    }

    pub(super) fn sync(&mut self) {
        for (block, states) in std::mem::take(&mut self.states) {
            let (_, bytes) = states.last().expect("a block that changed has a state");
            put(&mut self.safe, block, bytes);
        }
        self.safe.resize(self.seen.len(), 0);
        self.lengths.clear();
        self.changes = 0;
        self.last_synced = self.last_write;
    }

    /// A sync failed: the blocks count as written. The length is kept elsewhere, and the next sync brings it.
    pub(super) fn fail_sync(&mut self) {
        self.states.clear();
    }

    pub(super) fn power_loss(&mut self, kept: Kept, random: &dyn Random) {
        let upto = match kept {
            Kept::Nothing => 0,
            Kept::Everything | Kept::Scattered => u64::MAX,
            Kept::Prefix => random.u64() % (self.changes + 1),
        };
        let pick = |count: usize, within: usize| match kept {
            Kept::Scattered => (random.u64() % (count as u64 + 1)) as usize,
            _ => within,
        };
        let len = match pick(self.lengths.len(), self.lengths.partition_point(|(number, _)| *number <= upto)) {
            0 => self.safe.len(),
            some => self.lengths[some - 1].1,
        };
        for (block, states) in std::mem::take(&mut self.states) {
            if let Some(last) = pick(states.len(), states.partition_point(|(number, _)| *number <= upto)).checked_sub(1)
            {
                put(&mut self.safe, block, &states[last].1);
            }
        }
        self.safe.resize(len, 0);
        self.seen.clone_from(&self.safe);
        self.lengths.clear();
        self.changes = 0;
        self.last_write = self.last_synced;
    }

    pub(super) fn spoil(&mut self, at: usize) {
        self.unreadable.insert(at / BLOCK);
    }

    /// Whether any of these bytes is not what was written.
    pub(super) fn is_rotten(&self, offset: usize, count: usize) -> bool {
        self.rotten.range(offset..offset + count).next().is_some()
    }

    pub(super) fn rot(&mut self, at: usize, bits: u8) {
        self.rotten.insert(at, bits);
    }

    pub(super) fn mend(&mut self) {
        self.unreadable.clear();
        self.rotten.clear();
    }

    /// How many of its first bytes have a write behind them that is on the medium for certain.
    pub(super) fn vouched_for(&self) -> usize {
        self.last_synced.min(self.safe.len())
    }

    fn lengthen(&mut self, len: usize) {
        if self.seen.len() < len {
            self.seen.resize(len, 0);
            self.note_length();
        }
    }

    fn note_length(&mut self) {
        self.changes += 1;
        self.lengths.push((self.changes, self.seen.len()));
    }

    fn note(&mut self, block: usize) {
        let bytes = of_block(&self.seen, block);
        // A block that is as it was on the medium and never was otherwise has nothing to lose.
        if !self.states.contains_key(&block) && same(of_block(&self.safe, block), bytes) {
            return;
        }
        self.changes += 1;
        let state = (self.changes, Box::from(bytes));
        self.states.entry(block).or_default().push(state);
    }
}

fn of_block(bytes: &[u8], block: usize) -> &[u8] {
    let start = bytes.len().min(block * BLOCK);
    &bytes[start..bytes.len().min(start + BLOCK)]
}

/// Whether both hold the same, where one that is shorter goes on with zeros.
fn same(one: &[u8], other: &[u8]) -> bool {
    let both = one.len().min(other.len());
    one[..both] == other[..both] && one[both..].iter().chain(&other[both..]).all(|byte| *byte == 0)
}

fn put(safe: &mut Vec<u8>, block: usize, bytes: &[u8]) {
    let (start, end) = (block * BLOCK, (block + 1) * BLOCK);
    if safe.len() < end {
        safe.resize(end, 0);
    }
    safe[start..start + bytes.len()].copy_from_slice(bytes);
    safe[start + bytes.len()..end].fill(0);
}

/// What a disk writes whole or not at all.
const BLOCK: usize = 512;
