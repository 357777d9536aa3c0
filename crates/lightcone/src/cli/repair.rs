//! `lightcone repair`.

use clap::Args;

use super::DoorOptions;

/// `lightcone repair`.
#[derive(Args, Debug)]
pub struct RepairOptions {
    /// The node whose records are replaced.
    #[command(flatten)]
    pub door: DoorOptions,
    /// The region whose records are taken; without it, the nearest that has every table of the node.
    #[arg(long, value_name = "REGION", conflicts_with = "show")]
    pub from: Option<String>,
    /// Begin it and do not wait until it has ended.
    #[arg(long, conflicts_with = "show")]
    pub no_wait: bool,
    /// Begin nothing: show what differs, how far a repair is, and how the last one ended.
    #[arg(long)]
    pub show: bool,
}
