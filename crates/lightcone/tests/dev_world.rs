//! A world of real processes: written to from three sides, cut, killed, healed, and agreeing at the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

const LIGHTCONE: &str = env!("CARGO_BIN_EXE_lightcone");

struct DevWorld {
    child: Child,
    base: u16,
}

impl DevWorld {
    /// Starts three regions close together, and returns at `ready`.
    fn start(data: &Path) -> DevWorld {
        let base = free_ports(10);
        let ports = [("--resp-base", base), ("--http-base", base + 3), ("--control-port", base + 6)];
        let mut command = Command::new(LIGHTCONE);
        command.args(["dev", "--rtt-scale", "0.1", "--data"]).arg(data).stdout(Stdio::piped());
        for (option, port) in ports {
            command.args([option, &port.to_string()]);
        }
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = lines.any(|line| line.expect("text") == "ready");
        // The pipe stays open and is read to its end: the world must not end because nobody listens to it.
        lc_env::spawn_thread("dev output", move || lines.for_each(drop));
        let world = DevWorld { child, base };
        assert!(ready, "the world ended before it was ready");
        world
    }

    fn fault(&self, words: &[&str]) -> Output {
        let port = (self.base + 6).to_string();
        Command::new(LIGHTCONE).args(["fault", "--control-port", &port]).args(words).output().expect("the binary runs")
    }

    #[track_caller]
    fn must(&self, words: &[&str]) -> String {
        let output = self.fault(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[track_caller]
    fn refused(&self, words: &[&str]) -> String {
        let output = self.fault(words);
        assert!(!output.status.success(), "{words:?} was done");
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    /// Sends an inline command to a region and gives back the first line of the answer, and a bulk's text behind it.
    fn ask(&self, region: u16, command: &str) -> std::io::Result<String> {
        ask_at(self.base + region, command)
    }

    /// Asks until the answer is this one.
    #[track_caller]
    fn comes_to(&self, region: u16, command: &str, expected: &str) {
        let mut last = Ok(String::new());
        for _ in 0..200 {
            last = self.ask(region, command);
            if last.as_ref().is_ok_and(|answer| answer == expected) {
                return;
            }
            pause();
        }
        panic!("region {region}, {command}: {last:?}, expected {expected}");
    }
}

fn ask_at(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let of_quit = "+OK\r\n";
    Ok(answer.strip_suffix(of_quit).unwrap_or(&answer).trim().replace("\r\n", " "))
}

impl Drop for DevWorld {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of some ports in a row that are free now.
fn free_ports(count: u16) -> u16 {
    let all_free = |base: u16| (base..base + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    // Tests run at the same time, in one process or in many.
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let seed = (std::process::id() % 900) as u16 * 20 + CALLS.fetch_add(1, Ordering::Relaxed) * 200;
    (0..1000u16)
        .map(|round| 10_000 + (seed + round * 20) % 20_000)
        .find(|&base| all_free(base))
        .expect("some ports are free")
}

fn pause() {
    lc_env::pause(Duration::from_millis(50));
}

#[test]
fn regions_take_writes_through_a_cut_and_a_kill_and_agree() {
    let dir = tempfile::tempdir().expect("a directory");
    let world = DevWorld::start(dir.path());

    assert_eq!(world.ask(0, "SET greeting hello").expect("an answer"), "+OK");
    world.comes_to(1, "GET greeting", "$5 hello");
    world.comes_to(2, "GET greeting", "$5 hello");

    // Both sides of a cut take writes, and neither sees the other's.
    assert_eq!(world.must(&["cut", "us-east", "eu-west"]), "us-east - eu-west is cut");
    assert_eq!(world.must(&["cut", "us-east"]), "us-east - eu-west, us-east - ap-northeast are cut");
    assert_eq!(world.ask(0, "INCR visits").expect("an answer"), ":1");
    assert_eq!(world.ask(1, "INCR visits").expect("an answer"), ":1");
    world.comes_to(2, "GET visits", "$1 1");
    assert!(world.must(&["list"]).contains("us-east - eu-west       cut"), "{}", world.must(&["list"]));

    // A region that is killed in the cut comes back with it: the cut holds from its first packet.
    assert_eq!(world.must(&["kill", "us-east"]), "us-east is killed");
    assert!(world.ask(0, "PING").is_err());
    assert!(world.refused(&["kill", "us-east"]).contains("`lightcone fault start us-east` starts it"));
    assert_eq!(world.must(&["start", "us-east"]), "us-east runs");
    assert_eq!(world.ask(0, "GET visits").expect("an answer"), "$1 1");
    lc_env::pause(Duration::from_millis(500));
    assert_eq!(world.ask(0, "GET visits").expect("an answer"), "$1 1");

    assert_eq!(world.must(&["heal"]), "us-east - eu-west, us-east - ap-northeast are healed");
    for region in 0..3 {
        world.comes_to(region, "GET visits", "$1 2");
    }
    assert_eq!(digests(&world), 1);
}

/// A directory was copied and both were started: their links took each other's place all the time, and both took writes
/// of one name.
#[test]
fn a_copied_directory_started_beside_the_first_one_gets_no_link_and_takes_no_writes() {
    let dir = tempfile::tempdir().expect("a directory");
    let world = DevWorld::start(dir.path());
    assert_eq!(world.ask(0, "SET greeting hello").expect("an answer"), "+OK");
    world.comes_to(1, "GET greeting", "$5 hello");
    assert_eq!(world.must(&["kill", "us-east"]), "us-east is killed");
    let [resp, http, link] = [7, 8, 9].map(|more| world.base + more);
    let copy = dir.path().join("us-east-copy");
    copy_all(&dir.path().join("us-east"), &copy);
    assert_eq!(world.must(&["start", "us-east"]), "us-east runs");
    world.comes_to(1, "GET greeting", "$5 hello");
    move_to(&copy.join("node.toml"), &[("resp", resp), ("http", http), ("link", link)]);
    let _second = Second(
        Command::new(LIGHTCONE)
            .args(["server", "--config"])
            .arg(copy.join("node.toml"))
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts"),
    );
    let trouble = |http: u16| status(http)["trouble"].as_str().unwrap_or_default().to_owned();
    let told = (0..200).any(|_| {
        pause();
        trouble(http).contains("node 1 in us-east is connected already from 127.0.0.1:")
    });
    assert!(told, "{}", trouble(http));
    let refused = ask_at(resp, "SET greeting theirs").expect("an answer");
    assert!(refused.starts_with("-UNAVAILABLE") && refused.contains("connected already"), "{refused}");
    // The first one does not notice.
    assert_eq!(trouble(world.base + 3), "");
    assert_eq!(world.ask(0, "SET greeting ours").expect("an answer"), "+OK");
    for region in 0..3 {
        world.comes_to(region, "GET greeting", "$4 ours");
    }
    let at_eu_west = status(world.base + 4);
    let peer = at_eu_west["peers"].as_array().expect("peers").iter().find(|peer| peer["region"] == "us-east");
    assert_eq!(peer.expect("us-east")["up"], true);
    assert!(at_eu_west["links_refused"]["count"].as_u64() > Some(0), "{at_eu_west}");
    assert_eq!(digests(&world), 1);
}

struct Second(Child);

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy_all(&from, &to) } else { std::fs::copy(from, to).map(drop).expect("copied") }
    }
}

/// Gives a configuration's doors other ports.
fn move_to(config: &Path, ports: &[(&str, u16)]) {
    let mut text = std::fs::read_to_string(config).expect("text");
    for (section, port) in ports {
        let start = text.find(&format!("[{section}]\nlisten = ")).expect("a door");
        let end = start + text[start..].match_indices('\n').nth(1).expect("two lines").0;
        text.replace_range(start..end, &format!("[{section}]\nlisten = \"127.0.0.1:{port}\""));
    }
    std::fs::write(config, text).expect("written");
}

fn status(http: u16) -> serde_json::Value {
    let url = format!("http://127.0.0.1:{http}");
    let output = Command::new(LIGHTCONE).args(["status", "--json", "--at", &url]).output().expect("the binary runs");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// How many different digests the regions show once they have applied the same.
fn digests(world: &DevWorld) -> usize {
    for _ in 0..200 {
        let all: Vec<_> = (0..3).map(|region| status(world.base + 3 + region)).collect();
        if all.iter().all(|one| one["applied"] == all[0]["applied"]) {
            let digests: std::collections::BTreeSet<String> = all.iter().map(|one| one["digest"].to_string()).collect();
            return digests.len();
        }
        pause();
    }
    panic!("the regions do not come to the same vector");
}

#[test]
fn wrong_orders_say_what_would_be_right() {
    let dir = tempfile::tempdir().expect("a directory");
    let world = DevWorld::start(dir.path());
    assert_eq!(
        world.refused(&["cut", "us-aest"]),
        "lightcone: no region 'us-aest' in this world; did you mean 'us-east'?\nregions: us-east, eu-west, ap-northeast"
    );
    assert_eq!(
        world.refused(&["slow", "us-east", "us-east", "--rtt-ms", "1"]),
        "lightcone: 'us-east' twice: a link has two ends"
    );
    assert_eq!(
        world.refused(&["loss", "us-east", "eu-west", "--percent", "101"]),
        "lightcone: percent 101: must be from 0 to 100"
    );
    assert_eq!(world.must(&["heal"]), "nothing was wrong");
    let second = Command::new(LIGHTCONE)
        .args(["dev", "--control-port", &(world.base + 6).to_string()])
        .output()
        .expect("the binary runs");
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&format!("port {} (for orders): it is taken", world.base + 6)), "{said}");
}

#[test]
fn nodes_end_with_a_supervisor_that_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let world = DevWorld::start(dir.path());
    let base = world.base;
    drop(world);
    for _ in 0..200 {
        if (0..3).all(|region| TcpStream::connect(("127.0.0.1", base + region)).is_err()) {
            return;
        }
        pause();
    }
    panic!("nodes outlive their supervisor");
}

const PATIENCE: Duration = Duration::from_secs(10);
