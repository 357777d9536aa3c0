//! `lightcone region`.

use clap::{Args, Subcommand};

use super::DoorOptions;

/// `lightcone region`.
#[derive(Args, Debug)]
pub struct RegionOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// What to do.
    #[command(subcommand)]
    pub action: RegionAction,
}

/// What to do about regions.
#[derive(Subcommand, Debug)]
pub enum RegionAction {
    /// Show every region with its nodes.
    List,
    /// Make a token with which one node can join in this region, once.
    Invite {
        /// The region: 1 to 40 of a-z, 0-9 and '-'.
        region: String,
        /// How long the token is good for, seconds; the node's usual time without it.
        #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=2_592_000))]
        expires_s: Option<u64>,
    },
    /// Take a region out of the cluster.
    Remove {
        /// The region.
        region: String,
    },
}
