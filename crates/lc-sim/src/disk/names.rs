//! The directory: names as they are seen, as they are on the medium, and what was done to them in between.

use std::collections::BTreeMap;

use lc_env::Random;

use super::file::Kept;

enum Deed {
    Create(String, u64),
    Remove(String),
    Rename(String, String, u64),
}

#[derive(Default)]
pub(super) struct Names {
    seen: BTreeMap<String, u64>,
    safe: BTreeMap<String, u64>,
    unsynced: Vec<Deed>,
    ids: u64,
}

impl Names {
    /// Names of which all are on the medium.
    pub(super) fn safe_only(&self) -> Names {
        Names { seen: self.safe.clone(), safe: self.safe.clone(), unsynced: Vec::new(), ids: self.ids }
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.seen.keys().cloned().collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, u64)> {
        self.seen.iter().map(|(name, id)| (name, *id))
    }

    pub(super) fn find(&self, name: &str) -> Option<u64> {
        self.seen.get(name).copied()
    }

    pub(super) fn create(&mut self, name: &str) -> u64 {
        self.ids += 1;
        self.act(Deed::Create(name.to_owned(), self.ids));
        self.ids
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.act(Deed::Remove(name.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, id: u64) {
        self.act(Deed::Rename(from.to_owned(), to.to_owned(), id));
    }

    pub(super) fn sync(&mut self) {
        self.safe.clone_from(&self.seen);
        self.unsynced.clear();
    }

    pub(super) fn power_loss(&mut self, kept: Kept, random: &dyn Random) {
        let count = self.unsynced.len() as u64;
        let upto = match kept {
            Kept::Nothing => 0,
            Kept::Everything | Kept::Scattered => count,
            Kept::Prefix => random.u64() % (count + 1),
        };
        for deed in self.unsynced.drain(..).take(upto as usize) {
            if kept != Kept::Scattered || random.u64().is_multiple_of(2) {
                deed.apply(&mut self.safe);
            }
        }
        self.seen.clone_from(&self.safe);
    }

    fn act(&mut self, deed: Deed) {
        deed.apply(&mut self.seen);
        self.unsynced.push(deed);
    }
}

impl Deed {
    fn apply(&self, to: &mut BTreeMap<String, u64>) {
        match self {
            Deed::Create(name, id) => {
                to.insert(name.clone(), *id);
            }
            Deed::Remove(name) => {
                to.remove(name);
            }
            // The medium may keep it although it lost the creation: what has the new name is the file itself.
            Deed::Rename(from, name, id) => {
                to.remove(from);
                to.insert(name.clone(), *id);
            }
        }
    }
}
