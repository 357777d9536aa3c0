//! A dev world of the release binary, on ports nobody else uses, ended when this value is dropped.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, While};
use crate::{process, workspace};

/// Regions that `lightcone dev` starts when nobody chooses.
pub const DEFAULT_REGIONS: &[&str] = &["us-east", "eu-west", "ap-northeast"];

/// One region as its clients see it.
pub struct Region {
    /// The name given to `--regions`.
    pub name: String,
    /// Where its Redis protocol is spoken.
    pub resp_port: u16,
    /// Where `/status` and `/metrics` are.
    pub http_port: u16,
}

/// A running world. Dropping it asks it to end and waits until it has.
pub struct World {
    /// In the order they were asked for.
    pub regions: Vec<Region>,
    /// What `lightcone fault --control-port` wants.
    pub control_port: u16,
    /// Holds the data directories, the log, and the description for test programs.
    pub dir: PathBuf,
    child: Child,
}

impl World {
    /// Starts a fresh world under `target/worlds/NAME` and waits until it says `ready`.
    pub fn start(name: &str, regions: &[&str], extra: &[&str]) -> Result<Self, Failure> {
        let dir = workspace::target().join("worlds").join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).during("make a folder for the world")?;
        let base = spare_ports(2 * regions.len() as u16 + 1)?;
        let (resp_base, http_base, control_port) = (base + 1, base + 1 + regions.len() as u16, base);
        let mut command = process::command(workspace::release_binary("lightcone"));
        command.args(["dev", "--regions", &regions.join(",")]).arg("--data").arg(dir.join("data"));
        command.args(["--resp-base", &resp_base.to_string(), "--http-base", &http_base.to_string()]);
        command.args(["--control-port", &control_port.to_string()]).args(extra);
        let child = start_until_ready(&mut command, &dir.join("log.txt"), Duration::from_secs(60))?;
        let regions = (0_u16..).zip(regions).map(|(k, name)| Region {
            name: (*name).to_owned(),
            resp_port: resp_base + k,
            http_port: http_base + k,
        });
        Ok(Self { regions: regions.collect(), control_port, dir, child })
    }

    /// Writes what a test program must know, as JSON, and returns where.
    pub fn description(&self) -> Result<PathBuf, Failure> {
        let regions = self.regions.iter().map(|region| {
            serde_json::json!({ "name": region.name, "resp_port": region.resp_port, "http_port": region.http_port })
        });
        let text = serde_json::json!({
            "lightcone": workspace::release_binary("lightcone"),
            "data": self.dir.join("data"),
            "control_port": self.control_port,
            "regions": regions.collect::<Vec<_>>(),
        });
        let path = self.dir.join("world.json");
        std::fs::write(&path, format!("{text:#}\n")).during("describe the world")?;
        Ok(path)
    }

    /// What `lightcone fault list --json` tells: regions with their processes, and links.
    pub fn view(&self) -> Result<serde_json::Value, Failure> {
        let mut command = process::command(workspace::release_binary("lightcone"));
        let told = process::output(command.args([
            "fault",
            "list",
            "--json",
            "--control-port",
            &self.control_port.to_string(),
        ]))?;
        serde_json::from_str(&told).during("read the list of faults")
    }

    /// Process ids of the regions' servers, in the order of the regions.
    pub fn server_pids(&self) -> Result<Vec<u32>, Failure> {
        let view = self.view()?;
        let regions = view["regions"].as_array().map_or(&[][..], Vec::as_slice);
        let pids = regions.iter().filter_map(|region| region["pid"].as_u64()?.try_into().ok()).collect::<Vec<u32>>();
        if pids.len() == self.regions.len() {
            Ok(pids)
        } else {
            Err(Failure::new(format!("not all regions run: {view}")))
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Starts a program that says `ready` on a line of its own, with its output in `log`.
/// A program that ends first, or says nothing in time, is a failure that shows the end of the log.
pub fn start_until_ready(command: &mut Command, log: &Path, patience: Duration) -> Result<Child, Failure> {
    let file = File::create(log).during(format!("create {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone().during("copy a file handle")?).stderr(file);
    let shown = process::shown(command);
    let mut child = command.spawn().during(format!("start `{shown}`"))?;
    let deadline = Instant::now() + patience;
    loop {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        if said.lines().any(|line| line.trim() == "ready") {
            return Ok(child);
        }
        let ended = child.try_wait().during("look after the world")?;
        if ended.is_some() || Instant::now() > deadline {
            end(&mut child);
            let why = ended.map_or("was not ready in time".to_owned(), |status| format!("ended with {status}"));
            return Err(Failure::new(format!("`{shown}` {why}; it said:\n{}", last_lines(&said, 30))));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks a process to end, insists after 20 s, and waits until it is gone.
pub fn end(child: &mut Child) {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status();
    let deadline = Instant::now() + Duration::from_secs(if asked.is_ok() { 20 } else { 0 });
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The first of `count` neighbouring ports that were free a moment ago, for TCP and UDP.
pub fn spare_ports(count: u16) -> Result<u16, Failure> {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok();
    // Below the range from which Linux takes ports for outgoing connections (32768).
    let bases = (17_100..30_000).step_by(20);
    bases.into_iter().find(|base| (0..count).all(|k| free(base + k))).ok_or_else(|| Failure::new("no spare ports"))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().fold(String::new(), |mut shown, line| {
        writeln!(shown, "  {line}").expect("a string takes every line");
        shown
    })
}
