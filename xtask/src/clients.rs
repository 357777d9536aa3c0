//! Clients that others wrote, against a running region: `tests/clients/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::{debian, node, python};
use crate::tally::{Tally, counted};
use crate::world::{Region, World};
use crate::{process, workspace};

/// A client, and the command that tries it on a region.
type Client = (&'static str, fn(&Region) -> Result<Command, Failure>);

const CLIENTS: &[Client] =
    &[("redis-cli", redis_cli), ("redis-benchmark", redis_benchmark), ("node", node_clients), ("redis-py", redis_py)];

/// All clients, or those that are named; what follows `--` goes to the client's test program.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let (named, passed_on) = split(arguments);
    let tally = try_all(named, passed_on)?;
    if tally.failed == 0 { Ok(()) } else { Err(Failure::new(format!("{} failed", tally.failed))) }
}

/// All clients.
pub fn check() -> Result<Tally, Failure> {
    try_all(&[], &[])
}

fn split(arguments: &[String]) -> (&[String], &[String]) {
    let end = arguments.iter().position(|argument| argument == "--");
    end.map_or((arguments, &[]), |end| (&arguments[..end], &arguments[end + 1..]))
}

fn try_all(named: &[String], passed_on: &[String]) -> Result<Tally, Failure> {
    if let Some(unknown) = named.iter().find(|name| !CLIENTS.iter().any(|(client, _)| client == name)) {
        return Err(Failure::new(format!("there is no client {unknown}")));
    }
    debian::redis()?;
    let mut tally = Tally::default();
    for (client, command) in CLIENTS.iter().filter(|(name, _)| named.is_empty() || named.iter().any(|n| n == name)) {
        println!("--- {client}");
        let tried = try_one(*command, passed_on);
        if let Err(failure) = &tried {
            println!("{failure}");
        }
        tally = tally.and(&tried.unwrap_or(Tally::failure()));
    }
    Ok(tally)
}

/// In a world of its own: one that an earlier client spoiled would blame the next one.
fn try_one(command: fn(&Region) -> Result<Command, Failure>, passed_on: &[String]) -> Result<Tally, Failure> {
    let world = World::start("clients", &["us-east"], &[])?;
    counted(command(&world.regions[0])?.args(passed_on))
}

fn redis_cli(region: &Region) -> Result<Command, Failure> {
    program("redis_cli.sh", region)
}

fn redis_benchmark(region: &Region) -> Result<Command, Failure> {
    program("redis_benchmark.sh", region)
}

fn program(script: &str, region: &Region) -> Result<Command, Failure> {
    let mut command = process::command("bash");
    command.arg(workspace::root().join("tests/clients").join(script)).arg(region.resp_port.to_string());
    Ok(command)
}

fn node_clients(region: &Region) -> Result<Command, Failure> {
    let dir = node::modules()?;
    let mut command = process::command("node");
    command.arg(dir.join("smoke.mjs")).arg(region.resp_port.to_string());
    Ok(command)
}

fn redis_py(region: &Region) -> Result<Command, Failure> {
    let sources = python::redis_py_sources()?;
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/clients/redis_py.py")).arg("--sources").arg(sources);
    command.args(["--port", &region.resp_port.to_string()]);
    Ok(command)
}
