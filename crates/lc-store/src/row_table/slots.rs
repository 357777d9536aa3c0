//! The changed rows themselves, numbered in the order in which they were first changed.
//!
//! They lie in blocks, so that a million of them are never moved at once: that took the owner of a table a quarter of a second.

use bytes::Bytes;

use crate::RowChange;

#[derive(Default)]
pub(super) struct Slots {
    /// All but the last are full; the first grows, so that a small table takes little room.
    blocks: Vec<Vec<RowChange>>,
    count: u32,
}

impl Slots {
    /// Keeps a row; gives its number.
    pub(super) fn push(&mut self, row: RowChange) -> u32 {
        let number = self.count;
        self.count = number.checked_add(1).expect("so many rows take more memory than there is");
        if self.blocks.len() <= block_of(number) {
            let room = if self.blocks.is_empty() { 0 } else { BLOCK_ROWS };
            self.blocks.push(Vec::with_capacity(room));
        }
        self.blocks[block_of(number)].push(row);
        number
    }

    pub(super) fn row(&self, number: u32) -> &RowChange {
        &self.blocks[block_of(number)][number as usize % BLOCK_ROWS]
    }

    pub(super) fn key(&self, number: u32) -> &Bytes {
        &self.row(number).0
    }

    pub(super) fn row_mut(&mut self, number: u32) -> &mut RowChange {
        &mut self.blocks[block_of(number)][number as usize % BLOCK_ROWS]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RowChange> {
        self.blocks.iter().flatten()
    }
}

fn block_of(number: u32) -> usize {
    number as usize / BLOCK_ROWS
}

/// 64 KiB each.
const BLOCK_ROWS: usize = 1024;
