//! What the log says of rows that the disk does not give back: each step once.

use crate::Node;

/// What was said last.
#[derive(Default)]
pub(crate) struct MendingLog {
    doing: Option<&'static str>,
    trouble: Option<String>,
}

impl MendingLog {
    /// Looks whether there is anything to say.
    pub(crate) fn look(&mut self, node: &Node) {
        let (view, counters) = {
            let member = node.member.read();
            let view = member.mending();
            if view.is_none() && self.doing.is_none() {
                return;
            }
            (view, member.snapshot().counters)
        };
        let Some(view) = view else {
            let (keys, bytes) = (counters.mended_keys, counters.mended_bytes);
            tracing::info!(
                keys,
                bytes,
                "all records can be read again; so many keys were lost since the start, and came from other regions"
            );
            *self = MendingLog::default();
            return;
        };
        if self.doing != Some(view.doing) {
            let (keys, stretches) = (view.keys, view.stretches);
            tracing::error!(keys, stretches, "some records on the disk cannot be read; {}", view.doing);
            self.doing = Some(view.doing);
        }
        if let Some(why) = view.trouble.as_ref().filter(|why| self.trouble.as_ref() != Some(why)) {
            tracing::error!("what cannot be read stays lost for now: {why}");
        }
        self.trouble = view.trouble;
    }
}
