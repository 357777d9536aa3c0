//! Redis as the yardstick: a primary with `appendonly yes` and `appendfsync always`, and two replicas like it.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, While};
use crate::{process, world};

/// Three processes, ended when this value is dropped.
pub struct RedisTrio {
    base: u16,
    children: Vec<Child>,
}

impl RedisTrio {
    /// Starts all three with empty data under `dir`, and waits until both replicas follow.
    pub fn start(dir: &Path) -> Result<Self, Failure> {
        let _ = std::fs::remove_dir_all(dir);
        let mut trio = Self { base: world::spare_ports(3)?, children: Vec::new() };
        for k in 0..3 {
            trio.start_one(dir, k)?;
        }
        trio.await_replicas()?;
        Ok(trio)
    }

    /// Where the primary listens.
    pub fn port(&self) -> u16 {
        self.base
    }

    /// Waits until both replicas have everything.
    pub fn await_replicas(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let info = process::output(process::command("redis-cli").args([
                "-p",
                &self.base.to_string(),
                "info",
                "replication",
            ]));
            if info.as_ref().is_ok_and(|info| all_caught_up(info)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!("Redis's replicas did not follow: {info:?}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn start_one(&mut self, dir: &Path, k: u16) -> Result<(), Failure> {
        let home = dir.join(k.to_string());
        std::fs::create_dir_all(&home).during("make a folder for Redis")?;
        let mut command = process::command("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &(self.base + k).to_string(), "--dir"]).arg(&home);
        // No snapshots beside the log: a fork in the middle of a turn would only slow Redis.
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        if k > 0 {
            command.args(["--replicaof", &format!("127.0.0.1 {}", self.base)]);
        }
        self.children.push(command.stdout(Stdio::null()).spawn().during("start redis-server")?);
        Ok(())
    }
}

impl Drop for RedisTrio {
    fn drop(&mut self) {
        self.children.iter_mut().for_each(world::end);
    }
}

/// Both replicas are online, and the offsets they acknowledged are the primary's.
fn all_caught_up(info: &str) -> bool {
    let field = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
    let Some(written) = field("master_repl_offset:") else { return false };
    let caught_up = |k: u8| {
        field(&format!("slave{k}:"))
            .is_some_and(|line| line.contains("state=online") && line.contains(&format!("offset={written},")))
    };
    caught_up(0) && caught_up(1)
}
