//! Members whose record store has bytes that rotted: what they answer, what they ask their peers for, and what they end with.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_db::{Error, Expiry, Reply};
use lc_env::{Disk, MemoryDisk};
use lc_member::{DiskBounds, Member, Outgoing, Peer, Settings, open_records};
use lc_store::{FjallOptions, Store};

const WALL_MS: u64 = 1_800_000_000_000;
const STEP: Duration = Duration::from_millis(10);
/// Of about 300 bytes each, so that a block of 4 KiB has a dozen.
const KEYS: u32 = 4000;
const FIELDS: u32 = 1500;

struct Node {
    id: u16,
    dir: tempfile::TempDir,
    disk: MemoryDisk,
    /// Nothing while it is stopped.
    member: Option<Member>,
}

struct Scene {
    nodes: Vec<Node>,
    now: Duration,
    wire: VecDeque<(u16, Outgoing)>,
}

fn settings(node: u16, nodes: u16) -> Settings {
    let peers = (1..=nodes).filter(|peer| *peer != node);
    Settings {
        cluster: "test".to_owned(),
        node: NodeId(node),
        region: format!("region-{node}"),
        peers: peers.map(|peer| Peer { node: NodeId(peer), region: format!("region-{peer}") }).collect(),
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 60_000,
        dirty_bytes_max: 1 << 30,
        table: lc_store::TableOptions { cache_bytes: 64 << 10, hash_seed: 1 },
        disk: DiskBounds::default(),
        journal: lc_journal::Options {
            segment_bytes: 256 << 10,
            tail_bytes: 16 << 10,
            ..lc_journal::Options::default()
        },
        replication: lc_repl::Settings::default(),
    }
}

fn value(number: u32) -> Vec<u8> {
    (0..260).map(|at: u32| ((number * 260 + at).wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

fn key(number: u32) -> Vec<u8> {
    format!("key-{number}").into_bytes()
}

impl Scene {
    fn new(nodes: u16) -> Scene {
        let node = |id: u16| Node { id, dir: tempfile::tempdir().unwrap(), disk: MemoryDisk::new(), member: None };
        let mut scene = Scene { nodes: (1..=nodes).map(node).collect(), now: Duration::ZERO, wire: VecDeque::new() };
        (1..=nodes).for_each(|id| scene.start(id));
        scene
    }

    /// With keys, a large collection, scores and expiries, all of it in the stores.
    fn with_records(nodes: u16) -> Scene {
        let mut scene = Scene::new(nodes);
        for number in 0..KEYS {
            let expiry =
                if number % 5 == 0 { Expiry::At(WALL_MS + 1_000_000 + u64::from(number)) } else { Expiry::Never };
            scene.write(1, &mut |txn| txn.set_string(&key(number), &value(number), expiry)).unwrap();
        }
        for number in 0..FIELDS {
            let field = format!("field-{number}").into_bytes();
            let score = f64::from(number).to_le_bytes();
            scene
                .write(1, &mut |txn| txn.put_element(b"hash", lc_crdt::Kind::Hash, &field, &value(number)).map(drop))
                .unwrap();
            scene
                .write(1, &mut |txn| txn.put_element(b"scores", lc_crdt::Kind::Sorted, &field, &score).map(drop))
                .unwrap();
            if number % 100 == 0 {
                scene.pass(STEP);
            }
        }
        scene.settle();
        scene.flush_all();
        scene
    }

    fn node(&mut self, id: u16) -> &mut Node {
        &mut self.nodes[usize::from(id) - 1]
    }

    fn member(&mut self, id: u16) -> &mut Member {
        self.node(id).member.as_mut().expect("it runs")
    }

    fn start(&mut self, id: u16) {
        let count = self.nodes.len() as u16;
        let node = self.node(id);
        let store = open_store(node.dir.path(), count == 1).unwrap();
        node.member = Some(Member::open(settings(id, count), Arc::new(node.disk.clone()), store).unwrap());
        for peer in 1..=count {
            if peer != id && self.node(peer).member.is_some() {
                self.link(id, peer);
                self.link(peer, id);
            }
        }
    }

    fn link(&mut self, one: u16, other: u16) {
        let (mut out, now) = (Vec::new(), self.now);
        self.member(one).link_up(now, NodeId(other), Duration::from_millis(20), &mut out);
        self.wire.extend(out.into_iter().map(|outgoing| (one, outgoing)));
    }

    /// As a crash does: what is not durable is gone.
    fn stop(&mut self, id: u16) {
        let now = self.now;
        let node = self.node(id);
        node.member = None;
        node.disk.crash(|_, _| 0);
        node.disk = node.disk.reopen();
        self.wire.retain(|(from, outgoing)| *from != id && outgoing.to != NodeId(id));
        for peer in self.nodes.iter_mut().filter_map(|node| node.member.as_mut()) {
            peer.link_down(now, NodeId(id));
        }
    }

    fn write(
        &mut self,
        id: u16,
        run: &mut dyn FnMut(&mut lc_db::Txn<'_>) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        self.member(id).write(WALL_MS, 1, &mut |txn| run(txn).map(|()| Reply::OK)).0
    }

    fn set(&mut self, id: u16, key: &[u8], value: &[u8]) -> Result<Reply, Error> {
        self.write(id, &mut |txn| txn.set_string(key, value, Expiry::Never))
    }

    fn ask(&mut self, id: u16, words: &[&[u8]]) -> Result<Reply, Error> {
        self.member(id).read(WALL_MS, 1, &[], &mut |view| lc_db::read_command(words, view)).0
    }

    fn get(&mut self, id: u16, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.ask(id, &[b"GET", key]).map(|reply| match reply {
            Reply::Bulk(value) => Some(value.to_vec()),
            Reply::Nil => None,
            other => panic!("not a reply to GET: {other:?}"),
        })
    }

    fn sync_and_flush(node: &mut Node, now: Duration, even_if_small: bool, out: &mut Vec<Outgoing>) {
        let Some(member) = &mut node.member else { return };
        if let Some(job) = member.begin_sync() {
            member.finish_sync(now, job.run(), out).unwrap();
        }
        if let Some((job, _)) = member.begin_flush(even_if_small) {
            drop(member.finish_flush(job.run()).unwrap());
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        for (from, outgoing) in std::mem::take(&mut self.wire) {
            let mut out = Vec::new();
            let Some(member) = &mut self.node(outgoing.to.0).member else { continue };
            member.frame(now, WALL_MS, NodeId(from), outgoing.frame, &mut out).unwrap();
            self.wire.extend(out.into_iter().map(|next| (outgoing.to.0, next)));
        }
        for node in &mut self.nodes {
            let mut out = Vec::new();
            node.member.iter_mut().for_each(|member| member.tick(now, WALL_MS, &mut out));
            Scene::sync_and_flush(node, now, false, &mut out);
            self.wire.extend(out.into_iter().map(|outgoing| (node.id, outgoing)));
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Until all that run have the same.
    fn settle(&mut self) {
        for _ in 0..600 {
            self.pass(Duration::from_millis(100));
            let running: Vec<u16> =
                self.nodes.iter().filter(|node| node.member.is_some()).map(|node| node.id).collect();
            let states: Vec<_> = running.iter().map(|&id| self.member(id).snapshot()).collect();
            let same =
                states.windows(2).all(|pair| (&pair[0].applied, pair[0].digest) == (&pair[1].applied, pair[1].digest));
            if same && running.iter().all(|&id| self.member(id).mending().is_none()) {
                return;
            }
        }
        let views: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| node.member.as_ref())
            .map(|member| (member.mending(), member.snapshot().digest))
            .collect();
        panic!("they do not become equal: {views:?}");
    }

    /// What could not be opened is removed once nothing of it is needed any more.
    fn until_nothing_is_aside(&mut self, id: u16) {
        for _ in 0..15 {
            let gone = !aside(self, id).exists();
            assert!(!gone || self.member(id).put_aside().is_empty());
            if gone {
                return;
            }
            self.pass(Duration::from_secs(1));
        }
        panic!("{:?} are still there", self.member(id).put_aside());
    }

    fn flush_all(&mut self) {
        let now = self.now;
        self.nodes.iter_mut().for_each(|node| Scene::sync_and_flush(node, now, true, &mut Vec::new()));
    }

    /// Flips a bit in the largest table of a stopped node's store, for each of these parts of it.
    fn rot(&mut self, id: u16, parts: &[f64]) {
        let table = largest_table(self.node(id).dir.path());
        let mut bytes = std::fs::read(&table).unwrap();
        parts.iter().for_each(|part| {
            let place = (bytes.len() as f64 * part) as usize;
            bytes[place] ^= 0x40;
        });
        std::fs::write(&table, bytes).unwrap();
    }

    /// All keys are right or refused; gives how many are refused.
    fn refused(&mut self, id: u16) -> u32 {
        let mut refused = 0;
        for number in 0..KEYS {
            match self.get(id, &key(number)) {
                Ok(found) => assert_eq!(found, Some(value(number)), "key {number}"),
                Err(error) => {
                    assert_eq!(error.code(), "CORRUPT", "{error}");
                    refused += 1;
                }
            }
        }
        refused
    }

    /// The rows, derived ones too; not what a node keeps for itself.
    fn rows(&mut self, id: u16) -> Vec<(Vec<u8>, Bytes)> {
        let mut rows = Vec::new();
        let visited = self.member(id).each_row(&mut |row, value| {
            if row.first() != Some(&b'm') {
                rows.push((row.to_vec(), value.clone()));
            }
        });
        visited.unwrap();
        rows
    }
}

fn open_store(dir: &Path, alone: bool) -> Result<Arc<dyn Store>, lc_member::Error> {
    let options = FjallOptions { cache_bytes: 64 << 10, open_files_max: 16 };
    open_records(&dir.join("records"), &options, alone)
}

fn largest_table(dir: &Path) -> PathBuf {
    let mut files = Vec::new();
    for keyspace in std::fs::read_dir(dir.join("records/keyspaces")).unwrap() {
        let tables = keyspace.unwrap().path().join("tables");
        files.extend(std::fs::read_dir(tables).into_iter().flatten().map(|file| file.unwrap().path()));
    }
    files.into_iter().max_by_key(|file| std::fs::metadata(file).unwrap().len()).expect("a flush makes a table")
}

#[test]
fn a_node_with_rot_serves_everything_else_and_gets_what_was_lost_from_a_peer() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    scene.rot(1, &[0.2, 0.5, 0.8]);
    scene.start(1);
    // Nobody is there to help yet.
    scene.wire.clear();
    scene.stop(2);
    let refused = scene.refused(1);
    assert!(refused > 0 && refused < KEYS / 10, "{refused} keys are refused");
    scene.pass(Duration::from_secs(3));
    let view = scene.member(1).mending().expect("it has noticed");
    assert!(view.keys > 0 && view.trouble.is_some(), "{view:?}");
    let refused_now = scene.refused(1);
    assert!(refused_now >= refused && refused_now < KEYS / 10, "{refused_now} keys are refused");
    let counts = scene.member(1).snapshot().counters;
    assert_eq!((counts.rebuilds, counts.unreadable_stretches, counts.mends), (1, 3, 0));
    // Writes go on, but not over what is not known.
    let lost: Vec<u32> = (0..KEYS).filter(|number| scene.get(1, &key(*number)).is_err()).collect();
    assert_eq!(scene.set(1, &key(lost[0]), b"new").unwrap_err().code(), "CORRUPT");
    assert_eq!(scene.write(1, &mut |txn| txn.clear()).unwrap_err().code(), "CORRUPT");
    assert_eq!(scene.ask(1, &[b"KEYS", b"*"]).unwrap_err().code(), "CORRUPT");
    scene.set(1, b"another", b"new").unwrap();
    scene.pass(STEP);
    // A crash forgets nothing of it.
    scene.stop(1);
    scene.start(1);
    assert_eq!(scene.refused(1), refused_now);
    scene.start(2);
    scene.settle();
    let counts = scene.member(1).snapshot().counters;
    assert_eq!((counts.mends, scene.refused(1)), (1, 0));
    assert!(scene.member(1).mending().is_none() && scene.member(1).health().rotten().is_none());
    assert_eq!(scene.rows(1), scene.rows(2));
    assert_eq!(scene.get(1, b"another").unwrap().unwrap(), b"new");
    scene.set(1, &key(lost[0]), b"new").unwrap();
    scene.settle();
    scene.flush_all();
    scene.stop(1);
    scene.start(1);
    scene.settle();
    assert_eq!((scene.rows(1), scene.member(1).snapshot().counters.rebuilds), (scene.rows(2), 0));
}

#[test]
fn entries_that_come_for_what_is_lost_are_taken_and_are_in_effect_once_it_is_mended() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    scene.rot(1, &[0.1, 0.4, 0.6, 0.7]);
    // Meanwhile the other one changes every kind of record everywhere.
    for number in (0..KEYS).step_by(3) {
        scene.write(2, &mut |txn| txn.delete(&key(number)).map(drop)).unwrap();
    }
    for number in (1..KEYS).step_by(3) {
        scene.set(2, &key(number), b"changed").unwrap();
    }
    for number in (0..FIELDS).step_by(2) {
        let field = format!("field-{number}").into_bytes();
        scene.write(2, &mut |txn| txn.put_element(b"hash", lc_crdt::Kind::Hash, &field, b"changed").map(drop)).unwrap();
    }
    scene.start(1);
    scene.settle();
    assert!(scene.member(1).health().decides().is_ok());
    let counts = scene.member(1).snapshot().counters;
    assert!(counts.rebuilds >= 1 && counts.mends >= 1, "{counts:?}");
    assert_eq!(scene.rows(1), scene.rows(2));
}

#[test]
fn a_flush_of_all_records_comes_through_rot() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    scene.rot(1, &[0.3]);
    scene.write(2, &mut |txn| txn.clear()).unwrap();
    scene.set(2, b"after", b"it").unwrap();
    scene.start(1);
    scene.settle();
    assert_eq!(scene.rows(1), scene.rows(2));
    assert_eq!(scene.get(1, b"after").unwrap().unwrap(), b"it");
    assert_eq!(scene.member(1).key_count(), 1);
}

#[test]
fn two_nodes_with_rot_in_different_places_help_each_other() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    scene.stop(2);
    scene.rot(1, &[0.45]);
    scene.rot(2, &[0.75]);
    scene.start(1);
    scene.start(2);
    (1..=2).for_each(|id| assert!(scene.refused(id) > 0));
    scene.settle();
    (1..=2).for_each(|id| assert_eq!(scene.refused(id), 0));
    assert_eq!(scene.rows(1), scene.rows(2));
}

#[test]
fn a_node_alone_says_what_is_lost_and_serves_the_rest() {
    let mut scene = Scene::with_records(1);
    scene.stop(1);
    scene.rot(1, &[0.5]);
    scene.start(1);
    let refused = scene.refused(1);
    scene.pass(Duration::from_secs(5));
    let view = scene.member(1).mending().expect("what is lost stays lost");
    assert!(refused > 0 && view.keys >= u64::from(refused), "{view:?}");
    assert!(view.trouble.unwrap().contains("backup"));
    assert!(scene.member(1).health().rotten().unwrap().contains("keys"));
    scene.set(1, b"another", b"new").unwrap();
    scene.flush_all();
    scene.stop(1);
    scene.start(1);
    scene.pass(Duration::from_secs(5));
    assert!(scene.refused(1) >= refused && scene.get(1, b"another").unwrap().is_some());
}

#[test]
fn a_crash_between_any_two_steps_leaves_nothing_wrong() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    scene.rot(1, &[0.15, 0.4, 0.65]);
    let rotten = copied(scene.node(1).dir.path());
    for steps in 1..=12 {
        scene.node(1).dir = copied(rotten.path());
        // Both write all the time, also to what is lost.
        for number in (steps..KEYS).step_by(97) {
            scene.write(2, &mut |txn| txn.delete(&key(number)).map(drop)).unwrap();
            scene.set(2, &key(number), &value(number)).unwrap();
        }
        scene.start(1);
        for step in 0..steps {
            let _ = scene.set(1, &key(step * 50), &value(step * 50));
            assert!(scene.refused(1) < KEYS / 5);
            scene.step();
        }
        scene.stop(1);
        scene.start(1);
        scene.settle();
        assert_eq!((scene.rows(1), scene.refused(1)), (scene.rows(2), 0), "after {steps} steps");
        assert!(scene.member(1).health().decides().is_ok());
        scene.stop(1);
    }
}

/// What a start did about each place.
#[derive(Default, Debug)]
struct Outcomes {
    /// Blocks that could not be read: what was in them came from the other node.
    mended: u32,
    /// A table's file that could not be opened was written anew, and nothing was missing.
    whole: u32,
    /// As above, and something was missing.
    in_part: u32,
    /// The whole store was put aside.
    anew: u32,
    unnoticed: u32,
}

impl Outcomes {
    /// With a node whose files were changed while it was stopped.
    fn look(&mut self, scene: &mut Scene, place: &str) {
        scene.start(1);
        let put_aside = scene.member(1).put_aside().to_vec();
        scene.refused(1);
        scene.ask(1, &[b"HLEN", b"hash"]).err().into_iter().for_each(|error| assert_eq!(error.code(), "CORRUPT"));
        let _ = scene.ask(1, &[b"HGETALL", b"hash"]);
        let _ = scene.ask(1, &[b"ZRANGE", b"scores", b"0", b"-1"]);
        scene.settle();
        assert_eq!((scene.rows(1), scene.refused(1)), (scene.rows(2), 0), "{place}");
        scene.until_nothing_is_aside(1);
        let counters = scene.member(1).snapshot().counters;
        let of_files = put_aside.iter().any(|(name, bytes)| name.starts_with("tables/") && *bytes > 0);
        let of_store = put_aside.iter().any(|(name, bytes)| name == "store" && *bytes > 0);
        assert_eq!(counters.files_put_aside, put_aside.len() as u64);
        *(match (of_store, of_files, counters.mends > 0, counters.rebuilds > 0) {
            (true, ..) => &mut self.anew,
            (false, true, false, false) => &mut self.whole,
            (false, true, ..) => &mut self.in_part,
            (false, false, _, true) => &mut self.mended,
            (false, false, _, false) => &mut self.unnoticed,
        }) += 1;
        scene.stop(1);
    }
}

fn aside(scene: &mut Scene, id: u16) -> PathBuf {
    scene.node(id).dir.path().join("records-aside")
}

#[test]
fn wherever_a_bit_of_a_table_flips_the_node_mends_itself() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    let table = largest_table(scene.node(1).dir.path());
    let whole = std::fs::read(&table).unwrap();
    let table = table.strip_prefix(scene.node(1).dir.path()).unwrap().to_owned();
    let good = copied(scene.node(1).dir.path());
    let mut outcomes = Outcomes::default();
    for turn in 0..36 {
        scene.node(1).dir = copied(good.path());
        let mut bytes = whole.clone();
        // Every part of the file, and then, in smaller and smaller steps, its end, where everything but rows is.
        let place = match turn {
            0..12 => whole.len() / 12 * turn + 77,
            12..24 => whole.len() - 1 - 311 * (turn - 12),
            _ => whole.len() - 1 - 17 * (turn - 24),
        };
        bytes[place] ^= 1 << (turn % 8);
        std::fs::write(scene.node(1).dir.path().join(&table), bytes).unwrap();
        outcomes.look(&mut scene, &format!("turn {turn}"));
    }
    println!("{outcomes:?}");
    assert!(outcomes.mended >= 11 && outcomes.whole >= 15 && outcomes.anew + outcomes.in_part == 0, "{outcomes:?}");
}

/// Every file of a store but its tables, sorted.
fn other_files(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(dir, &mut found);
    found.retain(|path| !path.to_string_lossy().contains("keyspaces/1/tables"));
    found.sort();
    found
}

#[test]
fn whichever_other_file_of_the_store_rots_the_node_mends_itself_or_says_what_to_do() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    let good = copied(scene.node(1).dir.path());
    let (mut outcomes, mut refused) = (Outcomes::default(), Vec::new());
    for (turn, file) in other_files(&good.path().join("records")).iter().enumerate() {
        for place in 0..3 {
            scene.node(1).dir = copied(good.path());
            let file = file.strip_prefix(good.path()).unwrap();
            let path = scene.node(1).dir.path().join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            match bytes.len().checked_sub(1) {
                Some(_) if place == 2 => bytes.truncate(bytes.len() / 2),
                Some(last) => bytes[last * place] ^= 1 << ((turn + place) % 8),
                None => bytes.push(7),
            }
            std::fs::write(&path, bytes).unwrap();
            let opened = open_store(scene.node(1).dir.path(), false);
            if let Err(error) = opened {
                assert!(error.to_string().contains("has rotted, which is to hold"), "{}: {error}", file.display());
                refused.push(file.display().to_string());
                assert!(!aside(&mut scene, 1).join("store").exists(), "nothing was moved");
                continue;
            }
            drop(opened);
            outcomes.look(&mut scene, &format!("{} at {place}", file.display()));
        }
    }
    println!("{outcomes:?}, refused: {refused:?}");
    assert!(outcomes.anew >= 5 && outcomes.in_part + outcomes.mended == 0, "{outcomes:?}");
    assert!(refused.iter().all(|file| file == "records/version"), "{refused:?}");
}

/// Overwrites the last bytes of the largest table, and flips a bit in these parts of it.
fn cut_off_end(scene: &mut Scene, id: u16, parts: &[f64]) {
    scene.rot(id, parts);
    let table = largest_table(scene.node(id).dir.path());
    let mut bytes = std::fs::read(&table).unwrap();
    let end = bytes.len() - 512;
    bytes[end..].fill(0xee);
    std::fs::write(&table, bytes).unwrap();
}

#[test]
fn a_table_that_cannot_be_opened_and_has_rotten_blocks_too_serves_the_rest_and_gets_what_was_lost() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    cut_off_end(&mut scene, 1, &[0.1, 0.3, 0.6]);
    scene.start(1);
    scene.stop(2);
    let refused = scene.refused(1);
    assert!(refused > 0 && refused < KEYS / 10, "{refused} keys are refused");
    let put_aside = scene.member(1).put_aside().to_vec();
    assert!(put_aside.len() == 1 && put_aside[0].1 > 100_000, "{put_aside:?}");
    scene.pass(Duration::from_secs(3));
    let view = scene.member(1).mending().expect("it knows what it lacks");
    assert!(view.keys > 0 && view.trouble.is_some(), "{view:?}");
    let counts = scene.member(1).snapshot().counters;
    assert_eq!((counts.rebuilds, counts.unreadable_stretches, counts.files_put_aside, counts.alarms), (1, 3, 1, 1));
    let lost: Vec<u32> = (0..KEYS).filter(|number| scene.get(1, &key(*number)).is_err()).collect();
    assert_eq!(scene.set(1, &key(lost[0]), b"new").unwrap_err().code(), "CORRUPT");
    scene.set(1, b"another", b"new").unwrap();
    scene.pass(STEP);
    assert!(aside(&mut scene, 1).exists(), "it is kept until nothing is missing");
    scene.stop(1);
    scene.start(1);
    assert_eq!(scene.refused(1), lost.len() as u32);
    scene.start(2);
    scene.settle();
    scene.until_nothing_is_aside(1);
    assert_eq!((scene.rows(1), scene.refused(1)), (scene.rows(2), 0));
    assert!(scene.member(1).health().rotten().is_none());
    assert_eq!(scene.get(1, b"another").unwrap().unwrap(), b"new");
}

#[test]
fn a_node_alone_opens_what_it_can_and_otherwise_moves_nothing_and_says_what_to_do() {
    let mut scene = Scene::with_records(1);
    scene.stop(1);
    let good = copied(scene.node(1).dir.path());
    cut_off_end(&mut scene, 1, &[]);
    scene.start(1);
    assert_eq!(scene.refused(1), 0);
    scene.until_nothing_is_aside(1);
    assert!(scene.member(1).mending().is_none());
    scene.stop(1);
    scene.node(1).dir = copied(good.path());
    cut_off_end(&mut scene, 1, &[0.5]);
    scene.start(1);
    scene.pass(Duration::from_secs(5));
    let refused = scene.refused(1);
    assert!(refused > 0 && refused < KEYS / 10, "{refused} keys are lost");
    assert!(scene.member(1).mending().unwrap().trouble.unwrap().contains("backup"));
    scene.stop(1);
    scene.node(1).dir = copied(good.path());
    let list = scene.node(1).dir.path().join("records/keyspaces/1/current");
    let mut bytes = std::fs::read(&list).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&list, bytes).unwrap();
    for _ in 0..2 {
        let error = open_store(scene.node(1).dir.path(), true).map(drop).unwrap_err().to_string();
        assert!(error.contains("list of the tables") && error.contains("restore a backup"), "{error}");
        assert!(!aside(&mut scene, 1).exists() && list.exists());
    }
}

fn rot_list_of_tables(scene: &mut Scene, id: u16) {
    let list = scene.node(id).dir.path().join("records/keyspaces/1/current");
    let mut bytes = std::fs::read(&list).unwrap();
    bytes[3] ^= 0x20;
    bytes[12] ^= 0x20;
    std::fs::write(&list, bytes).unwrap();
}

#[test]
fn writes_that_only_the_journal_of_a_lost_store_had_get_to_the_others_and_come_back() {
    let mut scene = Scene::with_records(2);
    scene.stop(2);
    // The other one has none of these, and some are in the store only as of a flush.
    for number in 0..50 {
        scene.set(1, &key(number), b"unsent").unwrap();
    }
    scene.pass(Duration::from_secs(1));
    scene.flush_all();
    for number in 50..100 {
        scene.set(1, &key(number), b"unsent").unwrap();
    }
    scene.pass(Duration::from_secs(1));
    let last = scene.member(1).snapshot().applied.clone();
    scene.stop(1);
    rot_list_of_tables(&mut scene, 1);
    scene.start(1);
    assert_eq!(scene.member(1).snapshot().applied, last, "it knows what it had applied");
    assert_eq!(scene.refused(1), KEYS);
    assert_eq!(scene.set(1, b"not even new ones", b"x").unwrap_err().code(), "CORRUPT");
    assert_eq!(scene.ask(1, &[b"KEYS", b"*"]).unwrap_err().code(), "CORRUPT");
    scene.start(2);
    scene.settle();
    assert_eq!(scene.rows(1), scene.rows(2));
    for number in 0..100 {
        assert_eq!(scene.get(2, &key(number)).unwrap().unwrap(), b"unsent");
        assert_eq!(scene.get(1, &key(number)).unwrap().unwrap(), b"unsent");
    }
    scene.set(1, b"later", b"write").unwrap();
    scene.settle();
    assert_eq!(scene.get(2, b"later").unwrap().unwrap(), b"write");
}

#[test]
fn what_others_write_while_all_of_a_lost_store_comes_is_in_effect_wherever_it_had_come_already() {
    for flushes in [false, true] {
        let mut scene = Scene::with_records(3);
        scene.stop(1);
        rot_list_of_tables(&mut scene, 1);
        scene.start(1);
        for step in 0..60u32 {
            for writer in 2..=3u32 {
                for number in 0..20 {
                    let number = number * 199 + step * 3 + writer;
                    let written = format!("{writer} at {step}").into_bytes();
                    scene.set(writer as u16, &key(number % KEYS), &written).unwrap();
                    scene.set(writer as u16, format!("new-{number}").as_bytes(), &written).unwrap();
                }
                let field = format!("field-{}", step * 20 + writer).into_bytes();
                let mut put =
                    |txn: &mut lc_db::Txn<'_>| txn.put_element(b"hash", lc_crdt::Kind::Hash, &field, b"w").map(drop);
                scene.write(writer as u16, &mut put).unwrap();
            }
            if flushes && step % 20 == 3 {
                scene.write(3, &mut |txn| txn.clear()).unwrap();
            }
            scene.step();
        }
        scene.settle();
        assert_eq!(scene.rows(1), scene.rows(2));
        assert_eq!(scene.member(1).snapshot().counters.files_put_aside, 1);
    }
}

#[test]
fn nodes_that_have_all_lost_their_stores_show_nothing_as_absent_and_keep_what_they_put_aside() {
    let mut scene = Scene::with_records(2);
    (1..=2).for_each(|id| scene.stop(id));
    (1..=2).for_each(|id| rot_list_of_tables(&mut scene, id));
    (1..=2).for_each(|id| scene.start(id));
    scene.pass(Duration::from_secs(30));
    for id in 1..=2 {
        assert_eq!(scene.refused(id), KEYS);
        assert!(scene.member(id).mending().is_some() && aside(&mut scene, id).join("store/keyspaces").exists());
    }
}

/// A start that is cut short after each of its steps, and the steps of the member after it.
#[test]
fn a_crash_between_any_two_steps_of_a_start_leaves_nothing_wrong() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    let good = copied(scene.node(1).dir.path());
    cut_off_end(&mut scene, 1, &[0.2, 0.5]);
    let table = copied(scene.node(1).dir.path());
    scene.node(1).dir = copied(good.path());
    rot_list_of_tables(&mut scene, 1);
    let store = copied(scene.node(1).dir.path());
    for (what, rotten) in [("table", &table), ("store", &store)] {
        for steps in [0, 1, 2, 3, 4, 5, 7, 10] {
            scene.node(1).dir = copied(rotten.path());
            for number in (steps..KEYS).step_by(97) {
                scene.write(2, &mut |txn| txn.delete(&key(number)).map(drop)).unwrap();
                scene.set(2, &key(number), &value(number)).unwrap();
            }
            // Opened and never used, twice.
            (0..steps % 3).for_each(|_| drop(open_store(scene.node(1).dir.path(), false).unwrap()));
            scene.start(1);
            for step in 0..steps {
                let _ = scene.set(1, &key(step * 50), &value(step * 50));
                scene.refused(1);
                scene.step();
            }
            scene.stop(1);
            scene.start(1);
            scene.settle();
            assert_eq!((scene.rows(1), scene.refused(1)), (scene.rows(2), 0), "{what} after {steps} steps");
            assert!(scene.member(1).health().decides().is_ok());
            scene.stop(1);
        }
    }
}

#[test]
fn a_crash_between_files_leaves_the_old_or_the_new_and_gaps_are_known_before() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    cut_off_end(&mut scene, 1, &[0.2, 0.5]);
    let rotten = copied(scene.node(1).dir.path());
    drop(open_store(scene.node(1).dir.path(), false).unwrap());
    let opened = copied(scene.node(1).dir.path());
    let table = largest_table(rotten.path()).strip_prefix(rotten.path()).unwrap().to_owned();
    // Gaps were noted, and the file was put aside, and not replaced yet; half of its successor lies there.
    scene.node(1).dir = copied(opened.path());
    let half = std::fs::read(opened.path().join(&table)).unwrap();
    std::fs::copy(rotten.path().join(&table), scene.node(1).dir.path().join(&table)).unwrap();
    std::fs::write(aside(&mut scene, 1).join("table"), &half[..half.len() / 2]).unwrap();
    std::fs::write(aside(&mut scene, 1).join("blocks"), b"some").unwrap();
    let mut outcomes = Outcomes::default();
    outcomes.look(&mut scene, "not replaced yet");
    // What was noted of gaps has rotted: without it nobody knows what is missing, so all of it is.
    scene.node(1).dir = copied(opened.path());
    let gaps = aside(&mut scene, 1).join("gaps");
    let mut bytes = std::fs::read(&gaps).unwrap();
    bytes[4] ^= 1;
    std::fs::write(&gaps, bytes).unwrap();
    outcomes.look(&mut scene, "gaps have rotted");
    // The whole store was put aside, and the empty one not begun.
    scene.node(1).dir = copied(rotten.path());
    std::fs::create_dir(aside(&mut scene, 1)).unwrap();
    let records = scene.node(1).dir.path().join("records");
    std::fs::rename(&records, aside(&mut scene, 1).join("store")).unwrap();
    outcomes.look(&mut scene, "nothing in the place of the store");
    assert_eq!((outcomes.in_part, outcomes.anew), (1, 2), "{outcomes:?}");
    // The copied notes of a store that rotted with it.
    scene.node(1).dir = copied(opened.path());
    rot_list_of_tables(&mut scene, 1);
    let notes = scene.node(1).dir.path().join("records/notes");
    std::fs::write(&notes, b"something else").unwrap();
    let error = open_store(scene.node(1).dir.path(), false).map(drop).unwrap_err().to_string();
    assert!(error.contains("renew-node") && notes.exists(), "{error}");
}

fn copied(dir: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => copy(&entry.path(), &target),
                false => assert!(std::fs::copy(entry.path(), target).is_ok()),
            }
        }
    }
    let to = tempfile::tempdir().unwrap();
    copy(dir, to.path());
    to
}

/// The journals' segments of a node, oldest first, with their sizes.
fn segments(disk: &MemoryDisk) -> Vec<(String, usize)> {
    let mut names: Vec<String> = disk.list().unwrap().into_iter().filter(|name| name.contains("journal")).collect();
    names.sort();
    let mut sizes: Vec<(String, usize)> =
        names.into_iter().map(|name| (name.clone(), disk.read(&name).unwrap().len())).collect();
    sizes.retain(|(_, size)| *size > 4096);
    sizes
}

#[test]
fn who_needs_entries_of_a_rotten_journal_gets_records_in_their_place() {
    let mut scene = Scene::new(2);
    scene.settle();
    scene.stop(2);
    for number in 0..KEYS {
        scene.set(1, &key(number), &value(number)).unwrap();
        if number % 50 == 0 {
            scene.pass(STEP);
        }
    }
    scene.pass(Duration::from_secs(1));
    let segments = segments(&scene.node(1).disk);
    assert!(segments.len() > 2, "{segments:?}");
    scene.node(1).disk.rot(&segments[1].0, 2000, 0x10);
    scene.start(2);
    scene.settle();
    assert_eq!(scene.rows(1), scene.rows(2));
    let (one, two) = (scene.member(1).snapshot(), scene.member(2).snapshot());
    assert!(one.counters.journal_read_errors > 0 && one.health.journal_damage().is_some());
    assert_eq!(two.counters.catch_ups, 1);
    scene.set(1, b"later", b"entry").unwrap();
    scene.settle();
    assert_eq!(scene.get(2, b"later").unwrap().unwrap(), b"entry");
}

#[test]
fn a_journal_that_rotted_says_so_at_the_next_start_and_what_to_do() {
    let mut scene = Scene::with_records(1);
    scene.stop(1);
    let segments = segments(&scene.node(1).disk);
    scene.node(1).disk.rot(&segments[0].0, 2000, 0x10);
    let node = scene.node(1);
    let store = open_store(node.dir.path(), true).unwrap();
    let refused = Member::open(settings(1, 1), Arc::new(node.disk.clone()), store).map(drop).unwrap_err().to_string();
    assert!(refused.contains("not what was written") && refused.contains("renew-node"), "{refused}");
}
