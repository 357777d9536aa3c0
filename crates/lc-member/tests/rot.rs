//! Members whose record store has bytes that rotted: what they answer, what they ask their peers for, and what they end with.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_db::{Error, Expiry, Reply};
use lc_env::{Disk, MemoryDisk};
use lc_member::{DiskBounds, Member, Outgoing, Peer, Settings};
use lc_store::{FjallOptions, FjallStore, Store};

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
        let options = FjallOptions { cache_bytes: 64 << 10, open_files_max: 16 };
        // The one before may still be letting go of its files.
        let mut tries = (0..500).map(|_| FjallStore::open(node.dir.path(), &options));
        let opened = tries.find(|opened| {
            let locked = matches!(opened, Err(error) if error.to_string().contains("Locked"));
            if locked {
                lc_env::pause(STEP);
            }
            !locked
        });
        let store: Arc<dyn Store> = Arc::new(opened.expect("it lets go").unwrap());
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

fn largest_table(dir: &Path) -> std::path::PathBuf {
    let mut files = Vec::new();
    for keyspace in std::fs::read_dir(dir.join("keyspaces")).unwrap() {
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

#[test]
fn wherever_a_bit_flips_the_node_mends_itself_or_does_not_start() {
    let mut scene = Scene::with_records(2);
    scene.stop(1);
    let table = largest_table(scene.node(1).dir.path());
    let whole = std::fs::read(&table).unwrap();
    let good = copied(scene.node(1).dir.path());
    let (mut mended, mut unnoticed, mut refused) = (0, 0, 0);
    for turn in 0..24 {
        let node = scene.node(1);
        (node.dir, node.member) = (copied(good.path()), None);
        let table = node.dir.path().join(table.strip_prefix(table.ancestors().nth(4).unwrap()).unwrap());
        let mut bytes = whole.clone();
        // Every part of the file, and then, in steps of a few hundred bytes, its end, where everything but rows is.
        let place = if turn < 12 { whole.len() / 12 * turn + 77 } else { whole.len() - 1 - 311 * (turn - 12) };
        bytes[place] ^= 1 << (turn % 8);
        std::fs::write(&table, bytes).unwrap();
        let options = FjallOptions { cache_bytes: 64 << 10, open_files_max: 16 };
        let store = FjallStore::open(node.dir.path(), &options).map_err(lc_member::Error::of_store);
        let opened =
            store.and_then(|store| Member::open(settings(1, 2), Arc::new(node.disk.reopen()), Arc::new(store)));
        let refusal = opened.map(drop).err();
        if let Some(error) = refusal {
            assert!(error.to_string().contains("renew-node"), "turn {turn}: {error}");
            refused += 1;
            continue;
        }
        scene.stop(1);
        scene.start(1);
        scene.refused(1);
        scene.ask(1, &[b"HLEN", b"hash"]).err().into_iter().for_each(|error| assert_eq!(error.code(), "CORRUPT"));
        let _ = scene.ask(1, &[b"HGETALL", b"hash"]);
        let _ = scene.ask(1, &[b"ZRANGE", b"scores", b"0", b"-1"]);
        scene.settle();
        assert_eq!((scene.rows(1), scene.refused(1)), (scene.rows(2), 0), "turn {turn}");
        *(if scene.member(1).snapshot().counters.rebuilds > 0 { &mut mended } else { &mut unnoticed }) += 1;
        scene.stop(1);
    }
    println!("mended {mended}, never read {unnoticed}, not started {refused}");
    assert!(mended >= 11, "mended {mended}, never read {unnoticed}, not started {refused}");
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
    let store: Arc<dyn Store> = Arc::new(FjallStore::open(node.dir.path(), &FjallOptions::default()).unwrap());
    let refused = Member::open(settings(1, 1), Arc::new(node.disk.clone()), store).map(drop).unwrap_err().to_string();
    assert!(refused.contains("not what was written") && refused.contains("renew-node"), "{refused}");
}
