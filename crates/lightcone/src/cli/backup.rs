//! `lightcone backup`, `lightcone restore`, `lightcone restore-tables`.

use std::path::PathBuf;

use clap::Args;

use super::DoorOptions;

/// `lightcone backup`.
#[derive(Args, Debug)]
pub struct BackupOptions {
    /// Which node to ask; it must be one of the region.
    #[command(flatten)]
    pub door: DoorOptions,
    /// The region.
    #[arg(long, value_name = "NAME")]
    pub region: String,
    /// A directory for backups of this region; each becomes a directory in it.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Only what came since the last backup there, if the node still has all of that; otherwise a full one, and it says so.
    #[arg(long)]
    pub incremental: bool,
    /// At most so much, megabytes per second; as fast as it goes without it.
    #[arg(long, value_name = "MB", value_parser = rate)]
    pub limit_mb_per_s: Option<f64>,
}

/// `lightcone restore`.
#[derive(Args, Debug)]
pub struct RestoreOptions {
    /// A directory for backups, of which the newest whole one is taken; or one backup in it.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The configuration of the node that is to be; its data directory must be empty or not there.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Only this table; several times for several. Every region of the cluster must be restored with the same ones.
    #[arg(long, value_name = "NAME")]
    pub table: Vec<String>,
    /// The region of the backup that this one stands in for: it gets the tables that may be there. Without it, the node's own.
    #[arg(long, value_name = "REGION")]
    pub in_place_of: Option<String>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// `lightcone restore-tables`.
#[derive(Args, Debug)]
pub struct RestoreTablesOptions {
    /// Which node of the restored cluster to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// As for `lightcone restore`.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Only say which tables there are.
    #[arg(long)]
    pub dry_run: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        // A piece is about 4 MiB, and a node that hears nothing for two minutes gives the backup up.
        Ok(number) if number.is_finite() && number >= 0.1 => Ok(number),
        _ => Err("give a number from 0.1 on".to_owned()),
    }
}
