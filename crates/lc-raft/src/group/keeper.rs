//! Keeps the log short in bytes; openraft itself counts entries only.

use openraft::async_runtime::watch::WatchReceiver;

use super::Core;
use crate::log::Log;

/// Has a snapshot made, and the entries that are in it dropped, whenever the log is longer than `bytes_max`. Ends with the core.
pub(super) async fn keep(core: Core, log: Log, bytes_max: u64) {
    let mut metrics = core.metrics();
    let mut tried_at = 0;
    while metrics.changed().await.is_ok() {
        if log.entry_bytes() <= bytes_max {
            continue;
        }
        let (applied, snapshot, purged) = {
            let metrics = metrics.borrow_watched();
            (index(&metrics.last_applied), index(&metrics.snapshot), index(&metrics.purged))
        };
        let outcome = if snapshot > purged {
            core.trigger().purge_log(snapshot).await
        } else if applied >= tried_at + ENTRIES_BETWEEN {
            tried_at = applied;
            core.trigger().snapshot().await
        } else {
            Ok(())
        };
        if outcome.is_err() {
            return;
        }
    }
}

fn index(id: &Option<crate::type_config::LogId>) -> u64 {
    id.map_or(0, |id| id.index)
}

/// A machine that is too large for a snapshot is asked again only after so many entries.
const ENTRIES_BETWEEN: u64 = 8;
