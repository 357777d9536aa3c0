//! What the log says of rows that the disk does not give back: each step once.

use std::path::Path;

use lc_member::Member;

use crate::Node;

/// What was said last.
#[derive(Default)]
pub(crate) struct MendingLog {
    doing: Option<&'static str>,
    trouble: Option<String>,
    /// Nothing was put aside, or it was said that it is gone.
    nothing_aside: bool,
}

/// What could not be opened at the start.
pub(crate) fn tell_put_aside(member: &Member, data_dir: &Path) {
    for (name, bytes) in member.put_aside() {
        let file = data_dir.join("records-aside").join(name).display().to_string();
        tracing::error!(file, bytes, "a part of the record store could not be opened and was put aside");
    }
}

impl MendingLog {
    /// Looks whether there is anything to say.
    pub(crate) fn look(&mut self, node: &Node) {
        let (view, counters) = {
            let member = node.member.read();
            self.look_aside(&member);
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
            (self.doing, self.trouble) = (None, None);
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

    fn look_aside(&mut self, member: &Member) {
        if self.nothing_aside || !member.put_aside().is_empty() {
            return;
        }
        let files = member.snapshot().counters.files_put_aside;
        if files > 0 {
            tracing::info!(files, "what was put aside is not needed any more and was removed");
        }
        self.nothing_aside = true;
    }
}
