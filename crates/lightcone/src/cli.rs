//! The command line.

mod backup;
mod conflicts;
mod door;
mod join;
mod region;
mod repair;
mod session;
mod stamps;
mod table;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use backup::{BackupOptions, RestoreOptions, RestoreTablesOptions};
pub use conflicts::{ConflictsAction, ConflictsOptions};
pub use door::DoorOptions;
pub use join::JoinOptions;
pub use region::{RegionAction, RegionOptions};
pub use repair::RepairOptions;
pub use session::{SessionAction, SessionOptions};
pub use stamps::{StampsAction, StampsOptions};
pub use table::{DialOptions, TableAction, TableOptions};

/// Lightcone: one database in every region of the world.
#[derive(Parser, Debug)]
#[command(name = "lightcone", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run one node.
    Server(ServerOptions),
    /// Run a whole world of regions on this machine, one process each, as far apart as the real ones.
    Dev(DevOptions),
    /// Break and heal the dev world: cut links, slow them, lose packets, kill and start regions.
    Fault(FaultOptions),
    /// Show how a node is, and how far the others are behind it.
    Status(StatusOptions),
    /// Declare tables, change their dials while they are used, and see what each dial promises and costs.
    Table(TableOptions),
    /// Show writes that lost against a concurrent one, and put their values back.
    Conflicts(ConflictsOptions),
    /// Show values that a clock ahead of the time has stamped, and write them anew.
    Stamps(StampsOptions),
    /// Replace what differs from another region by what that region has, while everybody goes on writing.
    Repair(RepairOptions),
    /// Show the cluster's regions and nodes, invite new ones, take old ones out.
    Region(RegionOptions),
    /// Rotate the key that signs session tokens.
    Session(SessionOptions),
    /// Make this machine a node of a cluster that invited it.
    Join(JoinOptions),
    /// Take a backup of one region while it goes on: consistent, checked, and in increments.
    Backup(BackupOptions),
    /// Make a node's data directory from a backup, before its first start.
    Restore(RestoreOptions),
    /// Declare a backup's tables in the cluster that was restored from it.
    RestoreTables(RestoreTablesOptions),
    /// Everything about node.toml.
    Config(ConfigOptions),
}

/// `lightcone server`.
#[derive(Args, Debug)]
pub struct ServerOptions {
    /// The node's configuration: see `lightcone config example`.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Stop in order when standard input, a pipe, ends; for a supervisor that holds its other end.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// `lightcone dev`.
#[derive(Args, Debug)]
pub struct DevOptions {
    /// Regions, at least one; see the error for an unknown one for all names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "us-east,eu-west,ap-northeast")]
    pub regions: Vec<String>,
    /// Where data, certificates and logs lie, kept for the next time; without it in a temporary directory, removed at the end.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Region number k, counted from 0, takes Redis clients on this port + k.
    #[arg(long, value_name = "PORT", default_value_t = 7001)]
    pub resp_base: u16,
    /// Region number k, counted from 0, answers HTTP on this port + k.
    #[arg(long, value_name = "PORT", default_value_t = 8001)]
    pub http_base: u16,
    /// Where `lightcone fault` finds this world.
    #[arg(long, value_name = "PORT", default_value_t = CONTROL_PORT)]
    pub control_port: u16,
    /// Every measured round trip is multiplied by this; 0: no distance.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub rtt_scale: f64,
    /// Up to this much is added to each way, ms.
    #[arg(long, value_name = "MS", default_value_t = 0.5)]
    pub jitter_ms: f64,
    /// Chance of each packet to be lost, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    pub loss_percent: f64,
    /// Rate of each link and direction, megabits per second; unlimited without it.
    #[arg(long, value_name = "MBIT")]
    pub bandwidth_mbit: Option<f64>,
}

/// `lightcone fault`.
#[derive(Args, Debug)]
pub struct FaultOptions {
    /// The dev world's control port.
    #[arg(long, value_name = "PORT", default_value_t = CONTROL_PORT, global = true)]
    pub control_port: u16,
    /// What goes wrong, or right.
    #[command(subcommand)]
    pub fault: Fault,
}

/// What goes wrong, or right.
#[derive(Subcommand, Debug)]
pub enum Fault {
    /// Cut two regions from each other, or one from everyone.
    Cut {
        /// One region.
        a: String,
        /// The other; without it every other.
        b: Option<String>,
    },
    /// Undo cuts, slowness and loss: everywhere, around one region, or between two.
    Heal {
        /// One region; without it everywhere.
        a: Option<String>,
        /// The other; without it every other.
        b: Option<String>,
    },
    /// Make the round trip between two regions this long.
    Slow {
        /// One region.
        a: String,
        /// The other.
        b: String,
        /// Round trip, ms.
        #[arg(long, value_name = "MS")]
        rtt_ms: f64,
    },
    /// Lose this share of packets between two regions, each way.
    Loss {
        /// One region.
        a: String,
        /// The other.
        b: String,
        /// 0 to 100.
        #[arg(long, value_name = "PERCENT")]
        percent: f64,
    },
    /// Kill a region's process with SIGKILL.
    Kill {
        /// The region.
        region: String,
    },
    /// Start a region that was killed or ended; returns once it is healthy.
    Start {
        /// The region.
        region: String,
    },
    /// Show regions and links as they are now.
    List {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// `lightcone status`.
#[derive(Args, Debug)]
pub struct StatusOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
}

/// `lightcone config`.
#[derive(Args, Debug)]
pub struct ConfigOptions {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do about configuration.
#[derive(Subcommand, Debug)]
pub enum ConfigAction {
    /// Print a node.toml with every setting, its meaning and its default.
    Example,
    /// Print the page about every setting, as in docs/configuration.md.
    Page,
    /// Check a file without starting anything.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Where `lightcone dev` takes orders unless told otherwise.
const CONTROL_PORT: u16 = 8000;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
