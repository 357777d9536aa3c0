//! Keys that clients watch for `EXEC`, with a version that grows at every change.

use bytes::Bytes;
use hashbrown::HashMap;
use lc_db::WatchStamp;

/// Only watched keys are kept, so an idle table costs nothing on a write.
#[derive(Default)]
pub(crate) struct Watches {
    keys: HashMap<Bytes, Watched, foldhash::fast::RandomState>,
    version: u64,
}

struct Watched {
    clients: usize,
    changed_at: u64,
}

impl Watches {
    pub(crate) fn watch(&mut self, key: &[u8]) -> WatchStamp {
        let version = self.version;
        let watched =
            self.keys.entry(Bytes::copy_from_slice(key)).or_insert(Watched { clients: 0, changed_at: version });
        watched.clients += 1;
        WatchStamp(version)
    }

    pub(crate) fn unwatch(&mut self, key: &[u8]) {
        if let Some(watched) = self.keys.get_mut(key) {
            watched.clients -= 1;
            if watched.clients == 0 {
                self.keys.remove(key);
            }
        }
    }

    pub(crate) fn touched(&mut self, key: Option<&[u8]>) {
        if self.keys.is_empty() {
            return;
        }
        self.version += 1;
        match key {
            Some(key) => {
                if let Some(watched) = self.keys.get_mut(key) {
                    watched.changed_at = self.version;
                }
            }
            None => self.keys.values_mut().for_each(|watched| watched.changed_at = self.version),
        }
    }

    pub(crate) fn unchanged(&self, key: &[u8], since: WatchStamp) -> bool {
        self.keys.get(key).is_some_and(|watched| watched.changed_at <= since.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Watches;

    #[test]
    fn only_the_watched_key_counts_and_each_client_by_its_own_stamp() {
        let mut watches = Watches::default();
        let early = watches.watch(b"a");
        watches.touched(Some(b"b"));
        assert!(watches.unchanged(b"a", early));
        watches.touched(Some(b"a"));
        let late = watches.watch(b"a");
        assert!(!watches.unchanged(b"a", early) && watches.unchanged(b"a", late));
        watches.touched(None);
        assert!(!watches.unchanged(b"a", late));
        watches.unwatch(b"a");
        watches.unwatch(b"a");
        assert!(watches.keys.is_empty());
    }
}
