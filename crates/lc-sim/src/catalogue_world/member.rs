//! One member's machine: the catalogue, published after each batch as a node does, and a note of who made what.

use std::collections::BTreeMap;
use std::sync::Arc;

use lc_catalogue::{Catalogue, Outcome, decode_answer, decode_command};
use lc_raft::{Group, Machine};
use parking_lot::Mutex;

use super::Shared;

/// A member that is up.
pub(super) struct Member {
    pub group: Group,
    pub published: Published,
}

pub(super) type Published = Arc<Mutex<Arc<Catalogue>>>;

/// Who made each version of each table: the same for every member, or two histories were decided.
#[derive(Default)]
pub(crate) struct Made {
    pub versions: BTreeMap<(String, u64), String>,
    pub contradictions: Vec<String>,
}

struct CatalogueMachine {
    catalogue: Catalogue,
    published: Published,
    shared: Arc<Shared>,
    /// A seeded bug.
    skips: bool,
}

/// A new life's machine, and what it publishes.
pub(super) fn machine(shared: &Arc<Shared>, skips: bool) -> (Box<dyn Machine>, Published) {
    let published = Published::default();
    let (catalogue, shared) = (Catalogue::default(), Arc::clone(shared));
    (Box::new(CatalogueMachine { catalogue, published: Arc::clone(&published), shared, skips }), published)
}

impl CatalogueMachine {
    fn note(&self, command: &[u8], answer: &[u8]) {
        let (Ok(command), Ok(Ok(answer))) = (decode_command(command), decode_answer(answer)) else { return };
        let (Outcome::Declared { table, version } | Outcome::Dropped { table, version }) = answer.outcome else {
            return;
        };
        if !answer.changed {
            return;
        }
        let mut made = self.shared.made.lock();
        let by = made.versions.entry((table.clone(), version)).or_insert_with(|| command.actor.clone());
        if *by != command.actor {
            let what = format!("version {version} of {table} was made by {by} and by {}", command.actor);
            made.contradictions.push(what);
        }
    }
}

impl Machine for CatalogueMachine {
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        if self.skips && index.is_multiple_of(20) {
            return Vec::new();
        }
        let answer = self.catalogue.apply_bytes(command);
        self.note(command, &answer);
        answer
    }

    fn snapshot(&self) -> Vec<u8> {
        self.catalogue.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.catalogue = Catalogue::restore(snapshot).map_err(|refused| refused.to_string())?;
        Ok(())
    }

    fn applied(&mut self, _index: u64) {
        *self.published.lock() = Arc::new(self.catalogue.clone());
    }
}
