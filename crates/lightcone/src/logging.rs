//! Where a node's log goes: its standard error, coloured only on a terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::Error;

/// Starts logging, once in a process. The environment's `LIGHTCONE_LOG` goes before `filter`.
pub fn start(filter: &str) -> Result<(), Error> {
    let filter = std::env::var("LIGHTCONE_LOG").unwrap_or_else(|_| filter.to_owned());
    let parsed = EnvFilter::try_new(&filter)
        .map_err(|error| Error::Usage(format!("log filter \"{filter}\": {error}; right would be \"info\" or \"info,lc_net=debug\"")))?;
    tracing_subscriber::fmt().with_env_filter(parsed).with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).init();
    Ok(())
}
