//! What the door asks of the node's records and of the cluster's catalogue.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use lc_db::Reply;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Problem;

/// A future behind a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Records and tables behind the door.
pub trait Database: Send + Sync + 'static {
    /// Carries out one command as a connection of its own would, with what the request asks of it.
    ///
    /// A refusal that leaves something behind, such as a write that too few regions acknowledged in time, is better
    /// told as [`Done`] with [`Reply::Error`]: then the client also gets the token that covers the write, and the
    /// receipt. Dropping the future gives up the wait, never the write.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Done, lc_db::Error>>;

    /// Asks or changes the catalogue. The door lets it run to its end even if whoever asked hangs up.
    fn control(&self, request: ControlRequest) -> BoxFuture<'_, Result<Value, Problem>>;

    /// A piece of a backup of this region.
    fn backup(&self, request: BackupRequest) -> BoxFuture<'_, Result<BackupAnswer, Problem>> {
        let _ = request;
        Box::pin(async { Err(Problem::unavailable("no backups are made here")) })
    }

    /// Whether a table of this name is declared, as far as this node knows; asked for each request, so it never waits.
    /// The table `default` is always there, whatever this says.
    fn has_table(&self, name: &str) -> bool;
}

/// What whoever takes a backup asks for, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum BackupRequest {
    /// The beginning: `{"after"?: vector, "placement_version"?}`.
    Begin {
        /// With a vector, only entries that it lacks, if they are all there.
        body: Value,
    },
    /// Rows.
    Rows {
        /// The backup's.
        id: String,
        /// Above this one.
        after: Bytes,
    },
    /// Where it ends.
    End {
        /// The backup's.
        id: String,
    },
    /// Entries.
    Entries {
        /// The backup's.
        id: String,
        /// A place in the journal.
        from: u64,
    },
    /// Nothing more.
    Finish {
        /// The backup's.
        id: String,
    },
}

/// What it gets.
#[derive(Clone, PartialEq, Debug)]
pub enum BackupAnswer {
    /// About the backup.
    Json(Value),
    /// Of the backup, as records.
    Bytes(Bytes),
}

/// A command as RESP would send it, with what this request alone asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// The command's name and its arguments.
    pub words: Vec<Bytes>,
    /// Token of the session that it belongs to; `None`: a new one. Not checked by the door.
    pub session: Option<String>,
    /// `ack` in place of the table's, such as `regions(2)`. Not checked by the door.
    pub ack: Option<String>,
    /// `read` in place of the table's, such as `quorum(2)`. Not checked by the door.
    pub read: Option<String>,
}

/// A command that was carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// What RESP would answer; [`Reply::Error`] becomes a problem, with token and receipt.
    pub reply: Reply,
    /// Token that covers what the session has now seen and written; `None`: as before.
    pub session: Option<String>,
    /// What was delivered.
    pub receipt: Receipt,
}

/// What a request got, as `Lightcone-Receipt` says it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Who held the write before the answer: `local`, `regions(2), held by 3`; empty for a read.
    pub level: String,
    /// Where a read was answered: `local`, `forwarded`, `quorum(2)`; empty for a write.
    pub read: String,
    /// How old the answer can be at most, ms; `None`: unknown.
    pub staleness_ms: Option<u64>,
    /// Regions that took part.
    pub regions: Vec<String>,
    /// Bytes sent between regions for it, before the answer.
    pub wan_bytes: u64,
    /// What was done in place of what was asked, and why.
    pub fallback: Option<String>,
    /// How long it waited for other regions or for what the session had seen, ms.
    pub waited_ms: u64,
}

impl From<lc_db::Receipt> for Receipt {
    fn from(receipt: lc_db::Receipt) -> Receipt {
        let level = receipt.ack.map(|ack| ack.to_string());
        let held = if receipt.held_by > 1 { format!(", held by {}", receipt.held_by) } else { String::new() };
        Receipt {
            // A write reads too, but where from says nothing about what became of it.
            read: if level.is_some() { String::new() } else { receipt.read.text() },
            level: level.map_or_else(String::new, |level| level + &held),
            staleness_ms: receipt.staleness_ms,
            regions: receipt.regions,
            wan_bytes: receipt.wan_bytes,
            fallback: receipt.fallback,
            waited_ms: receipt.waited_ms,
        }
    }
}

impl Receipt {
    /// Adds what a later command of the same request got.
    pub(crate) fn add(&mut self, later: Receipt) {
        let either = |one: &mut String, other: String| {
            if one.is_empty() || (one == "local" && !other.is_empty()) {
                *one = other;
            }
        };
        either(&mut self.level, later.level);
        either(&mut self.read, later.read);
        // Unknown for a part is unknown for the whole.
        self.staleness_ms = self.staleness_ms.zip(later.staleness_ms).map(|(one, other)| one.max(other));
        for region in later.regions {
            if !self.regions.contains(&region) {
                self.regions.push(region);
            }
        }
        self.wan_bytes = self.wan_bytes.saturating_add(later.wan_bytes);
        self.waited_ms = self.waited_ms.saturating_add(later.waited_ms);
        self.fallback = self.fallback.take().or(later.fallback);
    }
}

/// Something asked of the catalogue. Bodies are made and read by the node, so they are plain JSON here.
#[derive(Clone, PartialEq, Debug)]
pub enum ControlRequest {
    /// Every table with its policy: `{"tables": [...]}`.
    ListTables,
    /// One table: policy, explanation, what was measured.
    ShowTable {
        /// Its name.
        name: String,
    },
    /// Every version of a table's policy: `{"history": [...]}`.
    History {
        /// The table's name.
        name: String,
    },
    /// Declares a table.
    CreateTable {
        /// `{"name", "preset"?, dials...}`.
        body: Value,
        /// Only says what it would become.
        dry_run: bool,
    },
    /// Changes dials of a table.
    AlterTable {
        /// Its name.
        name: String,
        /// `{dials to change..., "expect_version"?, "collapse"?}`.
        body: Value,
        /// Only says what would be collapsed.
        dry_run: bool,
    },
    /// Takes a table's declaration away; its keys belong to `default` then.
    DropTable {
        /// Its name.
        name: String,
    },
    /// Every preset with its dials: `{"presets": [...]}`.
    Presets,
    /// Writes that lost: `{"conflicts": [...], "next": id or null}`.
    Conflicts {
        /// Only of this table.
        table: Option<String>,
        /// Only those after this id.
        after: Option<String>,
        /// At most so many, 1 to 1000.
        limit: usize,
    },
    /// Puts a value that lost back.
    RestoreConflict {
        /// The conflict's id.
        id: String,
    },
    /// Values stamped ahead of the time: `{"stamps": [...], "next": cursor or null, ...}`.
    Stamps {
        /// By more than this.
        ahead_ms: u64,
        /// Only of this table.
        table: Option<String>,
        /// `next` of the page before.
        after: Option<String>,
        /// At most so many, 1 to 1000.
        limit: usize,
    },
    /// Writes such values anew: `{"rewritten": count, ...}`.
    RewriteStamps {
        /// Of these keys, 1 to 1000.
        keys: Vec<Bytes>,
        /// Those stamped more than this ahead.
        ahead_ms: u64,
    },
    /// The repair that goes on, or the last one, and what differs: `{"repair", "filling", "diverged"}`.
    Repairs,
    /// Begins to replace what differs by what a region has; the same answer.
    BeginRepair {
        /// The region; without it, the nearest that has every table of the node.
        from: Option<String>,
    },
    /// Every region with its nodes: `{"regions": [...]}`.
    Regions,
    /// Makes a one-time token for a region that is to join.
    Invite {
        /// `{"region"}`.
        body: Value,
    },
    /// Takes a region in that shows such a token.
    Join {
        /// What the node that joins sends.
        body: Value,
    },
    /// Takes a region out.
    RemoveRegion {
        /// Its name.
        name: String,
    },
    /// Takes one node out; with its last node a region goes.
    RemoveNode {
        /// Its id.
        node: u16,
    },
    /// Lets a node's data begin anew, as another incarnation.
    RenewNode {
        /// Its id.
        node: u16,
    },
    /// Every invitation that is remembered, without tokens: `{"invitations": [...]}`.
    Invitations,
    /// Takes an invitation back that nobody used.
    Uninvite {
        /// Its id.
        id: String,
    },
    /// A fresh session: `{"session": token}`.
    NewSession,
    /// Puts a new key in the place of the one that signs session tokens: `{"key_id": number}`.
    RotateSessionKey,
}

#[cfg(test)]
mod tests {
    use super::Receipt;

    #[test]
    fn a_command_s_receipt_says_who_held_a_write_or_where_a_read_was_answered() {
        let write = lc_db::Receipt { ack: Some(lc_policy::Ack::Regions(2)), held_by: 3, ..lc_db::Receipt::default() };
        assert_eq!(Receipt::from(write.clone()).level, "regions(2), held by 3");
        assert_eq!(Receipt::from(write).read, "");
        let read =
            lc_db::Receipt { read: lc_db::Source::Quorum(2), staleness_ms: Some(4), ..lc_db::Receipt::default() };
        assert_eq!(
            (Receipt::from(read.clone()).read.as_str(), Receipt::from(read).staleness_ms),
            ("quorum(2)", Some(4))
        );
    }

    #[test]
    fn receipts_of_one_request_add_up_and_unknown_staleness_stays_unknown() {
        let part = |read: &str, staleness_ms, region: &str| Receipt {
            read: read.to_owned(),
            staleness_ms,
            regions: vec![region.to_owned()],
            wan_bytes: 10,
            waited_ms: 1,
            ..Receipt::default()
        };
        let mut whole = part("local", Some(3), "oslo");
        whole.add(part("forwarded", Some(7), "kyiv"));
        assert_eq!((whole.read.as_str(), whole.staleness_ms), ("forwarded", Some(7)));
        whole.add(part("local", None, "oslo"));
        assert_eq!((whole.read.as_str(), whole.staleness_ms), ("forwarded", None));
        assert_eq!((whole.regions.len(), whole.wan_bytes, whole.waited_ms), (2, 30, 3));
    }
}
