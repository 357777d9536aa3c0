//! The binary: configuration, command line, wiring. It decides nothing.
//!
//! In:    arguments, node.toml, signals.
//! Out:   a running node; a world of them on one machine; faults in it; what operators ask of a node; a node that joins.
//! Never: what a command means, what a record is, what goes over a link.
//! Proof: config/tests.rs, unit tests beside each file; the black-box tests start this binary.
//! Start: `main` below, then server.rs for a node and dev.rs for a world.

/// Half of a write's cost is small allocations that cross threads; measured against the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod admission;
mod backup;
mod cli;
mod config;
mod conflicts;
mod dev;
mod doors;
mod error;
mod fault;
mod http_client;
mod invitation;
mod join;
mod logging;
mod names;
mod node_door;
mod refusal;
mod region;
mod repair;
mod restore;
mod server;
mod session;
mod shown;
mod stamps;
mod status;
mod stop_signal;
mod table;
mod terminal;
#[cfg(test)]
mod test_door;
mod text_table;
mod utc;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;

use crate::cli::{Cli, Command, ConfigAction};
pub use crate::error::Error;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lightcone: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        // As many threads as cores that the process may use.
        Command::Server(options) => {
            on(Builder::new_multi_thread(), server::run(&options.config, options.exit_with_stdin))
        }
        Command::Dev(options) => on(Builder::new_current_thread(), dev::run(options)),
        Command::Fault(options) => on(Builder::new_current_thread(), fault::run(options)),
        Command::Status(options) => on(Builder::new_current_thread(), status::run(options)),
        Command::Table(options) => on(Builder::new_current_thread(), table::run(options)),
        Command::Conflicts(options) => on(Builder::new_current_thread(), conflicts::run(options)),
        Command::Stamps(options) => on(Builder::new_current_thread(), stamps::run(options)),
        Command::Repair(options) => on(Builder::new_current_thread(), repair::run(options)),
        Command::Region(options) => on(Builder::new_current_thread(), region::run(options)),
        Command::Session(options) => on(Builder::new_current_thread(), session::run(options)),
        Command::Backup(options) => on(Builder::new_current_thread(), backup::run(options)),
        Command::Restore(options) => restore::run(&options),
        Command::RestoreTables(options) => on(Builder::new_current_thread(), restore::declare_tables(options)),
        Command::Join(options) => on(Builder::new_current_thread(), join::run(options)),
        Command::Config(options) => config_action(&options.action),
    }
}

fn on(mut builder: Builder, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = builder.enable_all().build().map_err(Error::system("start the runtime"))?;
    let outcome = runtime.block_on(work);
    // What still runs has nothing left to say; a blocked thread must not keep the process.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    outcome
}

fn config_action(action: &ConfigAction) -> Result<(), Error> {
    match action {
        ConfigAction::Example => print!("{}", config::page::example()),
        ConfigAction::Page => print!("{}", config::page::document()),
        ConfigAction::Check { file } => {
            let config = config::load(file)?;
            println!("{} is right: node {} in {}", file.display(), config.node.node_id, config.node.region);
        }
    }
    Ok(())
}

const SHUTDOWN_MAX: Duration = Duration::from_secs(2);
