//! Which node an operator's command asks.

use std::path::PathBuf;

use clap::Args;

/// Where a node's HTTP door is, and how to come in.
#[derive(Args, Clone, Debug)]
pub struct DoorOptions {
    /// The node's HTTP door.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8001", global = true)]
    pub at: String,
    /// As JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// For https: the certificate, PEM, that signed the node's.
    #[arg(long, value_name = "FILE", global = true)]
    pub authority: Option<PathBuf>,
    /// A file whose first line is the node's token.
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
}
