//! What the log says of records that are got from others, and of regions that have other records: each once.

use std::collections::BTreeMap;

use crate::Node;
use crate::status::{DivergenceStatus, FillingStatus};

/// What was said already.
#[derive(Default)]
pub(crate) struct DivergenceLog {
    /// By node: whether it was said what differs, too.
    diverged: BTreeMap<u16, bool>,
    rotten: bool,
    filling: Option<String>,
    ticks: u32,
}

impl DivergenceLog {
    /// Looks whether there is anything to say; cheap while there is not.
    pub(crate) fn look(&mut self, node: &Node) {
        self.ticks = self.ticks.wrapping_add(1);
        if !self.ticks.is_multiple_of(TICKS_BETWEEN) {
            return;
        }
        let quiet = {
            let member = node.member.read();
            member.filling().is_none() && member.diverged().next().is_none() && member.health().rotten().is_none()
        };
        if quiet && self.diverged.is_empty() && !self.rotten && self.filling.is_none() {
            return;
        }
        let (filling, diverged, _) = node.of_records();
        self.tell_of_filling(filling.as_ref());
        self.tell_of_divergence(&diverged);
        let rotten = node.member.read().health().rotten().map(str::to_owned);
        if let Some(what) = rotten.as_ref().filter(|_| !self.rotten) {
            tracing::error!("{what}");
        }
        self.rotten = rotten.is_some();
    }

    fn tell_of_filling(&mut self, filling: Option<&FillingStatus>) {
        let now = filling.map(|filling| {
            let table = filling.table.as_ref().map_or(String::new(), |table| format!(" of {table}"));
            format!("{}{table}", filling.kind)
        });
        if now == self.filling {
            return;
        }
        if let Some(what) = &self.filling {
            tracing::info!(what, "records from other regions: this has ended");
        }
        if let Some((what, filling)) = now.as_ref().zip(filling) {
            let from = filling.from.as_deref().unwrap_or("nobody yet");
            tracing::info!(what, from, "records from other regions: this begins");
        }
        self.filling = now;
    }

    fn tell_of_divergence(&mut self, diverged: &[DivergenceStatus]) {
        for divergence in diverged {
            let found = divergence.found.is_some();
            if self.diverged.insert(divergence.node_id, found) != Some(found) {
                tracing::error!(peer = divergence.region, at = divergence.at, "{}", divergence.text());
            }
        }
        let still = |node: &u16| diverged.iter().any(|divergence| divergence.node_id == *node);
        self.diverged.retain(|node, _| {
            let keep = still(node);
            if !keep {
                tracing::info!(peer = node, "this region and that node have the same records again");
            }
            keep
        });
    }
}

/// A tick is 10 ms.
const TICKS_BETWEEN: u32 = 25;
