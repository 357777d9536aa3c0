//! A small node: one replica that runs the real commands, another one that writes elsewhere, and a catalogue in a map.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lc_db::testing::{Replica, words};
use lc_db::{Engine, Error, Reply};
use lc_http::{
    BackupAnswer, BackupRequest, BoxFuture, Call, ControlRequest, Database, Done, Inside, LinkEmulation, Problem,
    Receipt, Sample, SampleKind,
};
use serde_json::{Value, json};

pub struct Node {
    pub sick: Option<&'static str>,
    pub emulation: bool,
    pub links: Mutex<Vec<LinkEmulation>>,
    /// Every call, in order.
    pub calls: Mutex<Vec<Call>>,
    /// Answers that were given up because nobody took them.
    pub left_unread: AtomicU64,
    /// Before the next command of this name, another region writes this, and it arrives.
    pub meanwhile: Mutex<Option<(&'static str, &'static str)>>,
    pub replicas: Mutex<(Replica, Replica)>,
    pub tables: Mutex<BTreeMap<String, Value>>,
}

/// A table as a node shows it.
pub fn table(name: &str, mut policy: Value) -> Value {
    policy.as_object_mut().expect("dials").remove("name");
    json!({ "name": name, "version": 1, "policy": policy, "target": null, "arriving": [], "leaving": [] })
}

impl Default for Node {
    fn default() -> Node {
        Node {
            sick: None,
            emulation: false,
            links: Mutex::default(),
            calls: Mutex::default(),
            left_unread: AtomicU64::new(0),
            meanwhile: Mutex::default(),
            replicas: Mutex::new((Replica::new(1), Replica::new(2))),
            tables: Mutex::new([("users".to_owned(), table("users", json!({})))].into()),
        }
    }
}

impl Node {
    /// Runs a command line here.
    pub fn run(&self, line: &str) -> String {
        self.replicas.lock().expect("no panic").0.run(line)
    }

    /// Runs a command line elsewhere, without what is here; then it arrives.
    pub fn elsewhere(&self, line: &str) {
        let (here, there) = &mut *self.replicas.lock().expect("no panic");
        there.now_ms += 10;
        there.run(line);
        here.pull(there);
    }

    /// Carries all that is here to the other region.
    pub fn carry(&self) {
        let (here, there) = &mut *self.replicas.lock().expect("no panic");
        there.pull(here);
    }

    /// How many milliseconds pass here.
    pub fn pass(&self, ms: u64) {
        self.replicas.lock().expect("no panic").0.now_ms += ms;
    }

    pub fn unread(&self) -> u64 {
        self.left_unread.load(Ordering::SeqCst)
    }

    /// The names of the commands that were called since the last time.
    pub fn called(&self) -> Vec<String> {
        let calls = std::mem::take(&mut *self.calls.lock().expect("no panic"));
        calls.iter().map(|call| String::from_utf8_lossy(&call.words[0]).into_owned()).collect()
    }

    fn carry_out(&self, call: &Call) -> Result<Done, Error> {
        let (name, meanwhile) = (call.words[0].clone(), &mut *self.meanwhile.lock().expect("no panic"));
        if let Some((_, line)) = meanwhile.take_if(|(before, _)| before.as_bytes() == name) {
            self.elsewhere(line);
        }
        let (here, _) = &mut *self.replicas.lock().expect("no panic");
        let seen = |here: &Replica| here.vector.iter().map(|(_, seq)| seq).sum::<u64>();
        match call.session.as_deref().map(|token| token.strip_prefix("seen-").and_then(|seen| seen.parse().ok())) {
            Some(None) => return Err(Error::Token("not of this cluster".to_owned())),
            Some(Some(asked)) if seen(here) < asked => return Err(Error::Behind("oslo lacks kyiv:1".to_owned())),
            _ => {}
        }
        if call.read.as_deref() == Some("bounded(1ms)") {
            return Err(Error::Stale("kyiv was heard of 80 ms ago".to_owned()));
        }
        let before = here.journal.len();
        let mut reply = run(here, &call.words);
        let wrote = here.journal.len() > before;
        if let (true, Some("regions(3)")) = (wrote, call.ack.as_deref()) {
            reply = Reply::Error(Error::NoAck { have: 1, need: 3, ack: "regions(3)".into(), waited_ms: 50 });
        }
        let level = if wrote { call.ack.clone().unwrap_or("local".to_owned()) } else { String::new() };
        let read = if wrote { String::new() } else { call.read.clone().unwrap_or("local".to_owned()) };
        let receipt =
            Receipt { level, read, staleness_ms: Some(7), regions: vec!["oslo".to_owned()], ..Receipt::default() };
        Ok(Done { reply, session: Some(format!("seen-{}", seen(here))), receipt })
    }

    fn decide(&self, request: ControlRequest) -> Result<Value, Problem> {
        let mut tables = self.tables.lock().expect("no panic");
        let known = |tables: &BTreeMap<String, Value>, name: &str| {
            tables.get(name).cloned().ok_or_else(|| Problem::no_such_table(name))
        };
        match request {
            ControlRequest::ListTables => Ok(json!({ "tables": tables.values().collect::<Vec<_>>() })),
            ControlRequest::ShowTable { name } => known(&tables, &name),
            ControlRequest::History { name } => Ok(json!({ "history": [known(&tables, &name)?] })),
            ControlRequest::CreateTable { body, dry_run } => {
                let name = body["name"].as_str().ok_or_else(|| Problem::invalid("a table needs a name"))?.to_owned();
                match body["writers"].as_str() {
                    Some("home") => return Err(Problem::not_yet("writers=home: the nearest is writers=any")),
                    _ if body["ack"] == "regions(9)" => return Err(Problem::refused("ack=regions(9): there are 3")),
                    _ if tables.contains_key(&name) => return Err(Problem::already_exists(format!("table '{name}'"))),
                    _ if !dry_run => tables.insert(name.clone(), table(&name, body.clone())),
                    _ => None,
                };
                Ok(table(&name, body))
            }
            ControlRequest::AlterTable { name, body, dry_run } => {
                let mut table = known(&tables, &name)?;
                if let Some(placement) = body.get("placement") {
                    (table["target"], table["arriving"]) = (placement.clone(), json!(["rome"]));
                }
                if body["expect_version"].as_u64().is_some_and(|version| table["version"] != version) {
                    return Err(Problem::conflict("the policy has another version"));
                }
                table["policy"]["ack"] = body["ack"].clone();
                if !dry_run {
                    tables.insert(name, table.clone());
                }
                Ok(table)
            }
            ControlRequest::DropTable { name } => tables.remove(&name).ok_or_else(|| Problem::no_such_table(&name)),
            ControlRequest::Presets => Ok(json!({ "presets": [{ "name": "crdt" }] })),
            ControlRequest::Conflicts { table, after, limit } => {
                Ok(json!({ "conflicts": [{ "table": table, "after": after, "limit": limit }], "next": null }))
            }
            ControlRequest::RestoreConflict { id } if id == "7" => Ok(json!({ "id": id })),
            ControlRequest::RestoreConflict { id } => Err(Problem::not_found(format!("no conflict {id}"))),
            ControlRequest::Stamps { ahead_ms, table, after, limit } => {
                let stamp = json!({ "ahead_ms": ahead_ms, "table": table, "after": after, "limit": limit });
                Ok(json!({ "stamps": [stamp], "next": null, "now_ms": 1, "node_ahead_ms": 0 }))
            }
            ControlRequest::RewriteStamps { keys, ahead_ms } => {
                Ok(json!({ "rewritten": keys.len(), "hidden": [], "node_ahead_ms": ahead_ms }))
            }
            ControlRequest::Repairs => Ok(json!({ "repair": null, "filling": null, "diverged": [] })),
            ControlRequest::BeginRepair { from } => begun_repair(from.as_deref()),
            ControlRequest::Regions => Ok(json!({ "regions": [{ "name": "oslo" }] })),
            ControlRequest::Invite { body } => Ok(json!({ "token": "once", "region": body["region"] })),
            ControlRequest::Join { body } if body["token"] == "once" => Ok(json!({ "certificate": "..." })),
            ControlRequest::Join { .. } => Err(Problem::bad_token("the invitation was used")),
            ControlRequest::RemoveRegion { name } => Ok(json!({ "name": name })),
            ControlRequest::RemoveNode { node: 9 } => Err(Problem::not_found("no node has the id 9")),
            ControlRequest::RemoveNode { node } => Ok(json!({ "node_id": node, "region": "kyiv" })),
            ControlRequest::RenewNode { node } => Ok(json!({ "node_id": node, "region": "kyiv", "incarnation": 1 })),
            ControlRequest::Invitations => Ok(json!({ "invitations": [invitation("7", "open")] })),
            ControlRequest::Uninvite { id } if id == "7" => Ok(invitation("7", "taken_back")),
            ControlRequest::Uninvite { id } => Err(Problem::not_found(format!("no invitation {id}"))),
            ControlRequest::RotateSessionKey => Ok(json!({ "key_id": 2 })),
            ControlRequest::NewSession => Ok(json!({ "session": "seen-0" })),
        }
    }
}

fn begun_repair(from: Option<&str>) -> Result<Value, Problem> {
    match from {
        None | Some("rome") => {
            let from = from.unwrap_or("oslo");
            let repair = json!({ "from": from, "state": "replacing", "seconds": 0, "bytes": 0, "replaced": {} });
            Ok(json!({ "repair": repair, "filling": null, "diverged": [] }))
        }
        Some("oslo") => Err(Problem::repair_under_way("a repair is under way already")),
        Some(other) => Err(Problem::unreachable(format!("{other} cannot be reached now"))),
    }
}

impl Database for Node {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Done, Error>> {
        Box::pin(async move {
            let done = self.carry_out(&call);
            self.calls.lock().expect("no panic").push(call);
            done
        })
    }

    fn control(&self, request: ControlRequest) -> BoxFuture<'_, Result<Value, Problem>> {
        Box::pin(async move { self.decide(request) })
    }

    fn backup(&self, request: BackupRequest) -> BoxFuture<'_, Result<BackupAnswer, Problem>> {
        let answer = match request {
            BackupRequest::Begin { .. } => BackupAnswer::Json(json!({
                "id": "7", "cluster": "c", "region": "oslo", "node": 1, "kind": "full", "why_full": null,
                "begin": { "keys": 0 }, "placement_version": 0, "tables": [], "store_bytes": 0,
            })),
            BackupRequest::End { .. } => BackupAnswer::Json(json!({ "end": { "keys": 0 } })),
            BackupRequest::Finish { id } => BackupAnswer::Json(json!({ "id": id })),
            BackupRequest::Rows { after, .. } => BackupAnswer::Bytes(after),
            BackupRequest::Entries { from, .. } => BackupAnswer::Bytes(from.to_string().into()),
        };
        Box::pin(async { Ok(answer) })
    }

    fn has_table(&self, name: &str) -> bool {
        self.tables.lock().expect("no panic").contains_key(name)
    }
}

impl Inside for Node {
    fn left_unread(&self) {
        self.left_unread.fetch_add(1, Ordering::SeqCst);
    }
    fn health(&self) -> Result<(), String> {
        self.sick.map_or(Ok(()), |why| Err(why.to_owned()))
    }
    fn status(&self) -> Value {
        json!({ "region": "oslo", "keys": 3 })
    }
    fn samples(&self) -> Vec<Sample> {
        vec![Sample { name: "lightcone_keys", help: "Keys.", kind: SampleKind::Gauge, labels: vec![], value: 3.0 }]
    }
    fn emulation_allowed(&self) -> bool {
        self.emulation
    }
    fn emulate(&self, link: &LinkEmulation) -> Result<(), Problem> {
        if link.peer > 3 {
            return Err(Problem::invalid("node 4 is not a peer"));
        }
        self.links.lock().expect("no panic").push(link.clone());
        Ok(())
    }
}

fn invitation(id: &str, state: &str) -> Value {
    json!({ "id": id, "region": "kyiv", "node_id": 4, "state": state })
}

/// Runs a command; those about contexts by hand where the catalogue does not have them.
fn run(here: &mut Replica, given: &[Bytes]) -> Reply {
    let refs: Vec<&[u8]> = given.iter().map(AsRef::as_ref).collect();
    let offered = |name: &str| lc_db::find(name.as_bytes()).is_some();
    match refs.as_slice() {
        [b"SIBLINGS", key] if !offered("siblings") => siblings(here, key),
        [b"RESOLVE", key, context, value] if !offered("resolve") => only_if(here, key, context, &[b"SET", key, value]),
        [b"SET", key, value, words @ .., b"IFCONTEXT", context] if !offered("siblings") => {
            only_if(here, key, context, &[&[b"SET".as_slice(), key, value][..], words].concat())
        }
        [b"DELEX", key, b"IFCONTEXT", context] if !offered("delex") => only_if(here, key, context, &[b"DEL", key]),
        refs => here.reply(refs),
    }
}

fn only_if(here: &mut Replica, key: &[u8], context: &[u8], words: &[&[u8]]) -> Reply {
    match siblings(here, key) {
        Reply::Array(parts) if parts[0] == Reply::bulk(context) => here.reply(words),
        Reply::Array(_) => Reply::Error(Error::Conflict("the key is not as the context says".to_owned())),
        other => other,
    }
}

fn siblings(here: &mut Replica, key: &[u8]) -> Reply {
    let outcome = here.read(&[key], &mut |view| {
        view.string(key)?;
        let siblings = view.head(key)?.map(|head| head.string.siblings).unwrap_or_default();
        let dots: Vec<String> = siblings.iter().map(|sibling| sibling.dot.to_string()).collect();
        let context = if dots.is_empty() { "-".to_owned() } else { dots.join("+") };
        let show = |(sibling, dot): (&lc_crdt::Sibling, &String)| {
            Reply::Array(vec![
                Reply::Bulk(sibling.value.clone()),
                Reply::bulk(dot),
                Reply::Int(sibling.hlc.ms() as i64),
            ])
        };
        Ok(Reply::Array(vec![Reply::bulk(context), Reply::Array(siblings.iter().zip(&dots).map(show).collect())]))
    });
    outcome.into()
}

/// A node with some records of each type in the table `users`.
pub fn furnished() -> Node {
    let node = Node::default();
    for line in [
        "SET users:42 ada",
        "SET greeting hello",
        "HSET users:plane tail N1 seats 2",
        "SADD users:tags a b",
        "ZADD users:busy 1 JFK 2.5 LGA",
        "SET users:visits 5",
    ] {
        assert!(!words(line).is_empty() && !node.run(line).starts_with("ERR"), "{line}");
    }
    node
}
