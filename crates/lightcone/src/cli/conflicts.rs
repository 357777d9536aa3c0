//! `lightcone conflicts`.

use clap::{Args, Subcommand};

use super::DoorOptions;

/// `lightcone conflicts`.
#[derive(Args, Debug)]
pub struct ConflictsOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// Only those of this table.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Go on showing new ones until interrupted.
    #[arg(long)]
    pub follow: bool,
    /// The newest so many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Something about one of them; nothing: list them.
    #[command(subcommand)]
    pub action: Option<ConflictsAction>,
}

/// What to do with one write that lost.
#[derive(Subcommand, Debug)]
pub enum ConflictsAction {
    /// Show all of it: both values, whole.
    Show {
        /// As listed.
        id: String,
    },
    /// Write the value that lost again, as a new write of now.
    Restore {
        /// As listed.
        id: String,
    },
}
