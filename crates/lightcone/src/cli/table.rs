//! `lightcone table`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DoorOptions;

/// `lightcone table`.
#[derive(Args, Debug)]
pub struct TableOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// What to do.
    #[command(subcommand)]
    pub action: TableAction,
}

/// What to do about tables.
#[derive(Subcommand, Debug)]
pub enum TableAction {
    /// Show every table with its dials.
    List,
    /// Explain one table: what its dials promise, cost and exclude, and what was measured.
    Show {
        /// The table.
        name: String,
    },
    /// Declare a table: keys that begin with its name and ':' belong to it from then on.
    Create {
        /// The table: what stands before the first ':' of its keys.
        name: String,
        /// Its dials; those not given are as in `default`.
        #[command(flatten)]
        dials: Box<DialOptions>,
        /// Only say what the table would be, and how many values of keys that are there already it would collapse.
        #[arg(long)]
        dry_run: bool,
        /// Agree to what the dry run counts: of concurrent values one stays, the others go to the conflict ledger.
        #[arg(long)]
        collapse: bool,
    },
    /// Change dials of a table while it is used. Writes under way finish under the old ones.
    Alter {
        /// The table.
        name: String,
        /// The dials to change.
        #[command(flatten)]
        dials: Box<DialOptions>,
        /// Only say what would change, and how many values it would collapse.
        #[arg(long)]
        dry_run: bool,
        /// Change it only if this is still its version.
        #[arg(long, value_name = "N")]
        expect_version: Option<u64>,
        /// Agree to collapse what the dry run counts: of concurrent values one stays, the others go to the conflict ledger.
        #[arg(long)]
        collapse: bool,
    },
    /// Take a table's declaration away: its keys stay and belong to `default`.
    Drop {
        /// The table.
        name: String,
    },
    /// Show every version of a table's dials.
    History {
        /// The table.
        name: String,
    },
    /// Show settings of the dials that are known by name; one of them as a file for --policy.
    Presets {
        /// One preset, as TOML.
        name: Option<String>,
    },
}

/// The dials, each in its text form. An option goes before the file, the file before the preset.
#[derive(Args, Clone, Default, Debug)]
pub struct DialOptions {
    /// Where a write may be decided: any, home or consensus.
    #[arg(long, value_name = "WHO")]
    pub writers: Option<String>,
    /// Who holds a write before its client hears OK: local, regions(N), majority or all.
    #[arg(long, value_name = "WHO")]
    pub ack: Option<String>,
    /// What concurrent writes become: typed, lww, siblings, max, min, union, or rules such as 'json(items: union by sku, qty: max)'.
    #[arg(long, value_name = "RULE")]
    pub merge: Option<String>,
    /// Where the bytes may be: everywhere, or regions between commas.
    #[arg(long, value_name = "REGIONS")]
    pub placement: Option<String>,
    /// How fresh a read must be: eventual, causal, session, bounded(500ms), quorum(R) or strong.
    #[arg(long, value_name = "LEVEL")]
    pub read: Option<String>,
    /// Start from a named setting: see `lightcone table presets`.
    #[arg(long, value_name = "PRESET")]
    pub preset: Option<String>,
    /// Start from the dials in a file, as `lightcone table presets PRESET` prints them.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Bytes of writes that lost to keep.
    #[arg(long, value_name = "BYTES")]
    pub ledger_bytes_max: Option<u64>,
    /// How long to keep them, such as 30d, 12h, 15m or 90s.
    #[arg(long, value_name = "AGE")]
    pub ledger_age_max: Option<String>,
    /// How long a write waits for other regions, ms.
    #[arg(long, value_name = "MS")]
    pub ack_timeout_ms: Option<u64>,
    /// How long a read waits for other regions, ms.
    #[arg(long, value_name = "MS")]
    pub wait_ms: Option<u64>,
}
