//! What is seen, what is safe, and the changes between, for one file and for the directory.

use std::collections::BTreeMap;

pub(super) enum Change {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    /// Cut, or lengthened with zeros.
    Length(usize),
}

impl Change {
    fn bytes(&self) -> u64 {
        match self {
            Change::Write { bytes, .. } => bytes.len() as u64,
            Change::Length(_) => 0,
        }
    }

    /// How long the file is at least, afterwards.
    pub(super) fn end(&self) -> usize {
        match self {
            Change::Write { offset, bytes } => offset + bytes.len(),
            Change::Length(len) => *len,
        }
    }

    /// What a disk does of it that has no room for its last bytes.
    pub(super) fn shortened_by(self, lacking: usize) -> Change {
        match self {
            Change::Write { offset, mut bytes } => {
                bytes.truncate(bytes.len().saturating_sub(lacking));
                Change::Write { offset, bytes }
            }
            Change::Length(len) => Change::Length(len - lacking),
        }
    }

    fn apply(&self, to: &mut Vec<u8>, bytes_max: usize) {
        match self {
            Change::Write { offset, bytes } => {
                let bytes = &bytes[..bytes.len().min(bytes_max)];
                let end = offset + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*offset..end].copy_from_slice(bytes);
            }
            Change::Length(len) => to.resize(*len, 0),
        }
    }
}

#[derive(Default)]
pub(super) struct Contents {
    seen: Vec<u8>,
    safe: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Contents {
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn unsynced_bytes(&self) -> u64 {
        self.unsynced.iter().map(Change::bytes).sum()
    }

    pub(super) fn apply(&mut self, change: Change) {
        change.apply(&mut self.seen, usize::MAX);
        self.unsynced.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.safe, usize::MAX);
        }
    }

    /// A failed sync: what it covered stays visible and will never be safe.
    pub(super) fn doom(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn lose_after(&mut self, kept: u64) {
        let mut left = kept;
        for change in self.unsynced.drain(..) {
            let bytes = change.bytes();
            if left == 0 && bytes > 0 {
                break;
            }
            change.apply(&mut self.safe, left as usize);
            left = left.saturating_sub(bytes);
        }
        self.seen.clone_from(&self.safe);
    }

    pub(super) fn lose_sectors(&mut self, mut survives: impl FnMut(u64) -> bool) {
        let mut wanted = self.safe.clone();
        for change in self.unsynced.drain(..) {
            change.apply(&mut wanted, usize::MAX);
        }
        for (sector, bytes) in wanted.chunks(SECTOR).enumerate() {
            let start = sector * SECTOR;
            let same = self.safe.get(start..start + bytes.len()) == Some(bytes);
            if !same && survives(sector as u64) {
                Change::Write { offset: start, bytes: bytes.to_vec() }.apply(&mut self.safe, usize::MAX);
            }
        }
        self.seen.clone_from(&self.safe);
    }

    pub(super) fn rot(&mut self, offset: usize, bits: u8) {
        self.seen[offset] ^= bits;
        if let Some(byte) = self.safe.get_mut(offset) {
            *byte ^= bits;
        }
        for change in &mut self.unsynced {
            if let Change::Write { offset: start, bytes } = change
                && let Some(byte) = offset.checked_sub(*start).and_then(|index| bytes.get_mut(index))
            {
                *byte ^= bits;
            }
        }
    }
}

enum NameChange {
    Create(String, u64),
    Remove(String),
    Rename(String, String),
}

impl NameChange {
    fn apply(&self, to: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Create(name, id) => {
                to.insert(name.clone(), *id);
            }
            NameChange::Remove(name) => {
                to.remove(name);
            }
            NameChange::Rename(from, name) => {
                if let Some(id) = to.remove(from) {
                    to.insert(name.clone(), id);
                }
            }
        }
    }
}

#[derive(Default)]
pub(super) struct Names {
    seen: BTreeMap<String, u64>,
    safe: BTreeMap<String, u64>,
    unsynced: Vec<NameChange>,
    ids: u64,
}

impl Names {
    pub(super) fn list(&self) -> Vec<String> {
        self.seen.keys().cloned().collect()
    }

    pub(super) fn entries(&self) -> Vec<(String, u64)> {
        self.seen.iter().map(|(name, id)| (name.clone(), *id)).collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<u64> {
        self.seen.get(name).copied()
    }

    pub(super) fn unsynced(&self) -> u64 {
        self.unsynced.len() as u64
    }

    pub(super) fn create(&mut self, name: &str) -> u64 {
        self.ids += 1;
        self.apply(NameChange::Create(name.to_owned(), self.ids));
        self.ids
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        let found = self.seen.contains_key(name);
        if found {
            self.apply(NameChange::Remove(name.to_owned()));
        }
        found
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let found = self.seen.contains_key(from);
        if found {
            self.apply(NameChange::Rename(from.to_owned(), to.to_owned()));
        }
        found
    }

    pub(super) fn sync(&mut self) {
        self.lose_after(u64::MAX);
    }

    pub(super) fn doom(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn lose_after(&mut self, kept: u64) {
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        for change in self.unsynced.drain(..).take(kept) {
            change.apply(&mut self.safe);
        }
        self.seen.clone_from(&self.safe);
    }

    fn apply(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

const SECTOR: usize = 512;
