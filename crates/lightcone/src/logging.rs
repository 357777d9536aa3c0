//! Where a node's log goes: its standard error, coloured only on a terminal. And what a panic does.

use std::io::{self, IsTerminal};
use std::{panic, process};

use tracing_subscriber::EnvFilter;

use crate::Error;

/// Starts logging, once in a process. The environment's `LIGHTCONE_LOG` goes before `filter`.
pub fn start(filter: &str) -> Result<(), Error> {
    let filter = std::env::var("LIGHTCONE_LOG").unwrap_or_else(|_| filter.to_owned());
    let parsed = EnvFilter::try_new(&filter).map_err(|error| {
        Error::Usage(format!("log filter \"{filter}\": {error}; right would be \"info\" or \"info,lc_net=debug\""))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

/// From now on a panic in any thread or task ends the process at once.
///
/// A panic is a broken invariant: what it left half-changed in memory must not be served or shipped. The journal holds
/// every acknowledged write, so a restart loses nothing.
pub fn stop_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        report(what);
        tracing::error!(%what, "broken invariant: this node stops");
        process::abort();
    }));
}
