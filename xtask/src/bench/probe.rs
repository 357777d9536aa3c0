//! Looking at running servers: their status, their counters, and what the system says about their processes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, While};
use crate::world::{Region, World};
use crate::{process, workspace};

/// How long regions may take to agree after a load.
const SETTLE_PATIENCE: Duration = Duration::from_secs(180);

/// Runs one load of `lc-bench` and returns what it measured.
pub fn load(command: &str, options: &[(&str, u64)]) -> Result<Value, Failure> {
    let mut program = process::command(workspace::release_binary("lc-bench"));
    program.arg(command);
    for (name, value) in options {
        program.arg(format!("--{name}")).arg(value.to_string());
    }
    super::parsed(&process::output(&mut program)?)
}

/// Waits until all regions have equal vectors and digests; returns how many seconds that took.
pub fn settle(world: &World) -> Result<f64, Failure> {
    let start = Instant::now();
    loop {
        let states = world.regions.iter().map(state).collect::<Result<Vec<_>, _>>()?;
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(start.elapsed().as_secs_f64());
        }
        if start.elapsed() > SETTLE_PATIENCE {
            return Err(Failure::new(format!("regions do not agree after {SETTLE_PATIENCE:?}: {states:?}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn state(region: &Region) -> Result<(Value, Value), Failure> {
    let status = status(region)?;
    Ok((status["applied"].clone(), status["digest"].clone()))
}

/// What a node says of itself.
fn status(region: &Region) -> Result<Value, Failure> {
    serde_json::from_str(&http_get(region.http_port, "/status")?).during("read /status")
}

/// Emulated one-way delay from the first region to the second, in milliseconds.
pub fn one_way_ms(world: &World) -> Result<f64, Failure> {
    let (here, there) = (world.regions[0].name.as_str(), world.regions[1].name.as_str());
    let view = world.view()?;
    let links = view["links"].as_array().map_or(&[][..], Vec::as_slice);
    let between =
        |link: &&Value| (link["a"] == here && link["b"] == there) || (link["a"] == there && link["b"] == here);
    let rtt_ms = links.iter().find(between).and_then(|link| link["rtt_ms"].as_f64());
    rtt_ms.map(|rtt_ms| rtt_ms / 2.0).ok_or_else(|| Failure::new(format!("no RTT from {here} to {there}: {view}")))
}

/// Bytes that a region has put on the wire to another one so far, everything included.
pub fn wan_bytes(region: &Region, peer: &str) -> Result<f64, Failure> {
    let status = status(region)?;
    let peers = status["peers"].as_array().map_or(&[][..], Vec::as_slice);
    let sent = peers.iter().find(|each| each["region"] == peer).and_then(|each| each["wire_sent_bytes"].as_f64());
    sent.ok_or_else(|| Failure::new(format!("{} does not count what it sent to {peer}: {status}", region.name)))
}

/// Lets a process, with all its threads, use only these cores ("0" or "0,1").
pub fn pin(pid: u32, cores: &str) -> Result<(), Failure> {
    process::output(process::command("taskset").args(["-a", "-c", "-p", cores, &pid.to_string()])).map(drop)
}

/// Processor seconds that a process has used, in steps of 10 ms.
pub fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).during("read a process's times")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Ok(ticks.sum::<u64>() as f64 / 100.0)
}

/// Resident memory of a process in units of 1,000,000 bytes.
pub fn resident_mb(pid: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(Path::new(&path)).during("read a process's memory")?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| Failure::new(format!("{path} has no VmRSS")))
}

/// The body of an answer that is not an error.
fn http_get(port: u16, path: &str) -> Result<String, Failure> {
    let doing = format!("ask {path} of port {port}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).during(&doing)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).during(&doing)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).during(&doing)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Failure::new(format!("{doing}: no answer")))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(Failure::new(format!("{doing}: {head}")));
    }
    Ok(body.to_owned())
}
