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
    /// Show invitations: open, used, run out, taken back. Their tokens are never shown again.
    Invitations,
    /// Take an invitation back that nobody used.
    Uninvite {
        /// The invitation's id, as `region invitations` shows it; not its token.
        #[arg(value_name = "ID")]
        invitation: String,
    },
    /// Take a region out of the cluster, with all its nodes.
    Remove {
        /// The region.
        region: String,
    },
    /// Take one node out of the cluster; with its last node a region goes.
    RemoveNode {
        /// The node's id, as `region list` shows it.
        #[arg(value_name = "ID", value_parser = clap::value_parser!(u16).range(1..=63))]
        node: u16,
    },
    /// Let a node's data begin anew, as another incarnation: its data directory was put back from a backup, or is a copy.
    RenewNode {
        /// The node's id, as `region list` shows it.
        #[arg(value_name = "ID", value_parser = clap::value_parser!(u16).range(1..=63))]
        node: u16,
    },
}
