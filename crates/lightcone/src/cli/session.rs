//! `lightcone session`.

use clap::{Args, Subcommand};

use super::DoorOptions;

/// `lightcone session`.
#[derive(Args, Debug)]
pub struct SessionOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// What to do.
    #[command(subcommand)]
    pub action: SessionAction,
}

/// What to do about sessions.
#[derive(Subcommand, Debug)]
pub enum SessionAction {
    /// Make a new key that signs session tokens, in all regions. Tokens of the key before it hold until the next
    /// rotation; older ones do not.
    RotateKey,
}
