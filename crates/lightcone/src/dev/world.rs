//! The processes of a dev world: started, killed, told how their links are, ended.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lc_http::{Emulation, Problem};
use lc_net::{Authority, NodeName};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::faults::Faults;
use super::orders::{LinkView, Order, RegionView, WorldView};
use super::plan::{Member, Plan};
use crate::Error;
use crate::http_client::Target;
use crate::names::suggestion;

/// A world whose processes end with it.
pub struct World {
    plan: Plan,
    faults: Faults,
    executable: PathBuf,
    processes: Vec<Process>,
}

/// What became of a node's process.
enum Process {
    Running(Child),
    Killed,
    Ended,
}

impl World {
    /// Writes certificates and configurations. Starts nothing.
    pub fn prepare(plan: Plan, faults: Faults) -> Result<World, Error> {
        let executable = std::env::current_exe().map_err(Error::system("find this program's file"))?;
        let authority = authority(&plan.directory)?;
        for member in &plan.members {
            fs::create_dir_all(&member.directory)
                .map_err(Error::system(format!("make {}", member.directory.display())))?;
            let issued = authority.issue(&NodeName::new(&member.place.region, member.node_id)?)?;
            issued.write(&member.directory.join("node.pem"), &member.directory.join("node.key"))?;
        }
        let processes = plan.members.iter().map(|_| Process::Ended).collect();
        Ok(World { plan, faults, executable, processes })
    }

    /// Starts every node and returns once all are healthy and all links are up.
    pub async fn start_all(&mut self) -> Result<(), Error> {
        for at in 0..self.plan.members.len() {
            self.spawn(at)?;
        }
        for at in 0..self.plan.members.len() {
            self.healthy(at).await?;
        }
        let linked = async {
            while !self.all_links_up().await {
                tokio::time::sleep(POLL).await;
            }
        };
        let founded = async {
            while !self.all_know_the_catalogue().await {
                tokio::time::sleep(POLL).await;
            }
        };
        let linked = async {
            linked.await;
            // A world of which most regions are kept from each other serves without a catalogue: do not wait for it.
            let _ = tokio::time::timeout(CATALOGUE_MAX, founded).await;
        };
        tokio::time::timeout(START_MAX, linked).await.map_err(|_| {
            Error::Asked(format!(
                "the nodes run but their links are not up after {} s; see node.log in {}",
                START_MAX.as_secs(),
                self.plan.directory.display()
            ))
        })
    }

    /// Carries out an order and says what was done.
    pub async fn obey(&mut self, order: Order) -> Result<String, Problem> {
        match order {
            Order::Cut { a, b } => {
                let (a, b) = self.pair(&a, b.as_deref())?;
                let links = self.faults.cut(a, b);
                self.tell(&links, "is cut", "are cut").await
            }
            Order::Heal { a, b } => {
                let pair = a.map(|a| self.pair(&a, b.as_deref())).transpose()?;
                let links = self.faults.heal(pair.map(|(a, _)| a), pair.and_then(|(_, b)| b));
                self.tell(&links, "is healed", "are healed").await
            }
            Order::Slow { a, b, rtt_ms } => {
                let (a, b) = (self.region(&a)?, self.other(&a, &b)?);
                bounded("rtt-ms", rtt_ms, RTT_MS_MAX)?;
                let links = self.faults.slow(a, b, rtt_ms);
                self.tell(&links, &format!("takes {rtt_ms} ms there and back"), "").await
            }
            Order::Loss { a, b, percent } => {
                let (a, b) = (self.region(&a)?, self.other(&a, &b)?);
                bounded("percent", percent, 100.0)?;
                let links = self.faults.lose(a, b, percent);
                self.tell(&links, &format!("loses {percent} % of packets each way"), "").await
            }
            Order::Kill { region } => self.kill(self.region(&region)?).await,
            Order::Start { region } => self.start(self.region(&region)?).await,
        }
    }

    /// The world as it is now.
    pub fn view(&mut self) -> WorldView {
        let links = self.faults.links().into_iter().map(|link| self.link_view(&link)).collect();
        let regions = self
            .plan
            .members
            .iter()
            .zip(&mut self.processes)
            .map(|(member, process)| region_view(member, process))
            .collect();
        WorldView { regions, links }
    }

    /// The plan it was made from, and how links are now.
    pub fn text(&self, bold: bool) -> String {
        self.plan.text(&self.faults, bold)
    }

    /// A line for each process that ended without being told to since the last call.
    pub fn ended(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (member, process) in self.plan.members.iter().zip(&mut self.processes) {
            if let Process::Running(child) = process
                && let Ok(Some(status)) = child.try_wait()
            {
                *process = Process::Ended;
                let region = &member.place.region;
                lines.push(format!(
                    "{region} ended ({status}); see {}; `lightcone fault start {region}` starts it again",
                    log_file(member).display()
                ));
            }
        }
        lines
    }

    /// Ends every process in order, by closing its standard input; kills what takes too long.
    pub async fn stop_all(&mut self) {
        for process in &mut self.processes {
            if let Process::Running(child) = process {
                drop(child.stdin.take());
            }
        }
        for process in &mut self.processes {
            if let Process::Running(mut child) = std::mem::replace(process, Process::Ended)
                && tokio::time::timeout(STOP_MAX, child.wait()).await.is_err()
            {
                // Killed by dropping it.
                drop(child);
            }
        }
    }

    fn spawn(&mut self, at: usize) -> Result<(), Error> {
        let member = &self.plan.members[at];
        let config = member.directory.join("node.toml");
        write(&config, &self.plan.node_toml(at, &self.faults))?;
        let log = open_log(member)?;
        let errors = log.try_clone().map_err(Error::system("share the log file"))?;
        let child = Command::new(&self.executable)
            .args(["server", "--exit-with-stdin", "--config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C goes to the supervisor alone; it ends the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::system(format!("start {}", self.executable.display())))?;
        self.processes[at] = Process::Running(child);
        Ok(())
    }

    /// Waits until a node says that it is healthy; ends early if its process does.
    async fn healthy(&mut self, at: usize) -> Result<(), Error> {
        let (member, process) = (&self.plan.members[at], &mut self.processes[at]);
        let asking = async {
            loop {
                if let Process::Running(child) = process
                    && let Ok(Some(status)) = child.try_wait()
                {
                    *process = Process::Ended;
                    return Err(Error::Asked(format!(
                        "{} did not start ({status}):\n{}",
                        member.place.region,
                        last_words(member)
                    )));
                }
                let answer = Target::local(member.http_port).ask("GET", "/health", None, ANSWER_MAX).await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let late = |_| {
            Error::Asked(format!(
                "{} is not healthy after {} s:\n{}",
                member.place.region,
                START_MAX.as_secs(),
                last_words(member)
            ))
        };
        tokio::time::timeout(START_MAX, asking).await.map_err(late)?
    }

    async fn all_links_up(&self) -> bool {
        let up = |status: &Value| {
            status["peers"].as_array().is_some_and(|peers| peers.iter().all(|peer| peer["up"] == true))
        };
        self.all(&up).await
    }

    /// Whether the cluster has begun and every node has heard of it.
    async fn all_know_the_catalogue(&self) -> bool {
        self.all(&|status| status["control_plane"]["catalogue_version"].as_u64() > Some(0)).await
    }

    async fn all(&self, is_so: &(dyn Fn(&Value) -> bool + Sync)) -> bool {
        for member in &self.plan.members {
            let Ok(answer) = Target::local(member.http_port).ask("GET", "/status", None, ANSWER_MAX).await else {
                return false;
            };
            if !is_so(&serde_json::from_str(&answer.body).unwrap_or_default()) {
                return false;
            }
        }
        true
    }

    async fn kill(&mut self, at: usize) -> Result<String, Problem> {
        let region = &self.plan.members[at].place.region;
        match &mut self.processes[at] {
            Process::Running(child) => {
                child.kill().await.map_err(|error| Problem::unavailable(format!("kill {region}: {error}")))?;
                self.processes[at] = Process::Killed;
                Ok(format!("{region} is killed"))
            }
            Process::Killed | Process::Ended => {
                Err(Problem::invalid(format!("{region} does not run; `lightcone fault start {region}` starts it")))
            }
        }
    }

    async fn start(&mut self, at: usize) -> Result<String, Problem> {
        self.ended();
        let region = self.plan.members[at].place.region.clone();
        if matches!(self.processes[at], Process::Running(_)) {
            return Err(Problem::invalid(format!("{region} runs already")));
        }
        let started = self.spawn(at).map_err(|error| Problem::unavailable(error.to_string()));
        started?;
        self.healthy(at).await.map_err(|error| Problem::unavailable(error.to_string()))?;
        Ok(format!("{region} runs"))
    }

    /// Tells the nodes at both ends of these links how they are now. A node that does not run learns it when it starts.
    async fn tell(&mut self, links: &[(usize, usize)], one: &str, many: &str) -> Result<String, Problem> {
        for at in 0..self.plan.members.len() {
            let others = links.iter().filter_map(|&(a, b)| if a == at { Some(b) } else { (b == at).then_some(a) });
            let links: Vec<_> = others.map(|other| self.faults.emulation(at, other)).collect();
            if !links.is_empty() && matches!(self.processes[at], Process::Running(_)) {
                self.tell_node(at, &Emulation { links }).await?;
            }
        }
        let region = |at: usize| self.plan.members[at].place.region.as_str();
        let named: Vec<String> = links.iter().map(|&(a, b)| format!("{} - {}", region(a), region(b))).collect();
        Ok(match named.as_slice() {
            [] => "nothing was wrong".to_owned(),
            [link] => format!("{link} {one}"),
            links => format!("{} {many}", links.join(", ")),
        })
    }

    async fn tell_node(&self, at: usize, emulation: &Emulation) -> Result<(), Problem> {
        let member = &self.plan.members[at];
        let body = serde_json::to_string(emulation).map_err(|error| Problem::invalid(error.to_string()))?;
        let told = Target::local(member.http_port).ask("POST", "/emulation", Some(&body), ANSWER_MAX).await;
        let told = told.and_then(|answer| answer.ok());
        told.map(drop).map_err(|error| {
            Problem::unavailable(format!("{} was not told: {error}; give the order again", member.place.region))
        })
    }

    fn region(&self, name: &str) -> Result<usize, Problem> {
        self.plan.position(name).ok_or_else(|| {
            let regions = self.plan.regions();
            let suggestion = suggestion(name, regions.iter().copied());
            Problem::not_found(format!("no region '{name}' in this world{suggestion}\nregions: {}", regions.join(", ")))
        })
    }

    fn other(&self, a: &str, b: &str) -> Result<usize, Problem> {
        if a == b {
            return Err(Problem::invalid(format!("'{a}' twice: a link has two ends")));
        }
        self.region(b)
    }

    fn pair(&self, a: &str, b: Option<&str>) -> Result<(usize, Option<usize>), Problem> {
        Ok((self.region(a)?, b.map(|b| self.other(a, b)).transpose()?))
    }

    fn link_view(&self, link: &super::faults::Link) -> LinkView {
        let (a, b) = (&self.plan.members[link.ends.0].place, &self.plan.members[link.ends.1].place);
        LinkView {
            a: a.region.clone(),
            b: b.region.clone(),
            rtt_ms: link.rtt_ms,
            usual_rtt_ms: link.usual_rtt_ms,
            floor_ms: a.floor_ms(b),
            loss_percent: link.loss_percent,
            cut: link.cut,
        }
    }
}

fn region_view(member: &Member, process: &mut Process) -> RegionView {
    let (state, pid) = match process {
        Process::Running(child) => match child.try_wait() {
            Ok(None) => ("running", child.id()),
            Ok(Some(_)) | Err(_) => ("ended", None),
        },
        Process::Ended => ("ended", None),
        Process::Killed => ("killed", None),
    };
    RegionView {
        region: member.place.region.clone(),
        place: member.place.measured_at.clone(),
        node_id: member.node_id,
        process: state.to_owned(),
        pid,
        resp_port: member.resp_port,
        http_port: member.http_port,
        directory: member.directory.display().to_string(),
    }
}

fn bounded(name: &str, value: f64, max: f64) -> Result<(), Problem> {
    match (0.0..=max).contains(&value) {
        true => Ok(()),
        false => Err(Problem::invalid(format!("{name} {value}: must be from 0 to {max}"))),
    }
}

fn log_file(member: &Member) -> PathBuf {
    member.directory.join("node.log")
}

fn open_log(member: &Member) -> Result<File, Error> {
    let path = log_file(member);
    OpenOptions::new().create(true).append(true).open(&path).map_err(Error::system(format!("open {}", path.display())))
}

/// The end of a node's log, for a node that did not start.
fn last_words(member: &Member) -> String {
    let log = fs::read(log_file(member)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log[log.len().saturating_sub(LAST_WORDS_BYTES)..]).into_owned();
    let lines: Vec<&str> = log.lines().rev().take(5).map(str::trim_end).collect();
    lines.into_iter().rev().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
}

/// The world's authority: the one it had the last time, so that nodes which joined then are still known, or a new one.
fn authority(directory: &Path) -> Result<Authority, Error> {
    let (certificate, key) = (directory.join("ca.pem"), directory.join("ca.key"));
    if certificate.exists() && key.exists() {
        let read = |path: &Path| fs::read_to_string(path).map_err(Error::system(format!("read {}", path.display())));
        return Ok(Authority::load(&read(&certificate)?, &read(&key)?)?);
    }
    let authority = Authority::generate("dev")?;
    authority.write(&certificate, &key)?;
    Ok(authority)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::system(format!("write {}", path.display())))
}

/// How often a starting node is asked.
const POLL: Duration = Duration::from_millis(50);
/// For one answer of a node.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// For a majority of the nodes to begin the cluster.
const CATALOGUE_MAX: Duration = Duration::from_secs(10);
/// For a node to become healthy, a long journal included.
const START_MAX: Duration = Duration::from_secs(60);
/// For a node to end in order.
const STOP_MAX: Duration = Duration::from_secs(10);
/// A node's delay each way is at most a minute.
const RTT_MS_MAX: f64 = 120_000.0;
const LAST_WORDS_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::authority;

    #[test]
    fn a_world_that_is_started_again_keeps_its_authority() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = authority(dir.path()).expect("made").certificate_pem();
        assert_eq!(authority(dir.path()).expect("read").certificate_pem(), first);
        // Data of a world from before its key was kept: nodes get new certificates anyway.
        fs::remove_file(dir.path().join("ca.key")).expect("there");
        assert_ne!(authority(dir.path()).expect("made anew").certificate_pem(), first);
    }
}
