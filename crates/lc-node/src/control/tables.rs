//! Tables and their dials: shown, declared, changed, taken away.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use lc_catalogue::{Alteration, Answer, Catalogue, Change, Command, TableHistory, Version};
use lc_db::Reply;
use lc_member::Collapse;
use lc_policy::{DEFAULT_TABLE, Measured, Policy, PolicyChange, Preset, Topology, explain};
use serde_json::{Value, json};

use super::{Refusal, RefusalKind};
use crate::Node;

impl Node {
    /// Every table with its dials.
    pub fn list_tables(&self) -> Value {
        let catalogue = self.control_plane.catalogue();
        let tables = self.tables();
        let shown = tables.iter().map(|table| {
            let history = catalogue.history(&table.name);
            json!({ "name": table.name, "version": history.map_or(0, TableHistory::version), "policy": table.policy })
        });
        json!({ "tables": shown.collect::<Vec<_>>() })
    }

    /// One table: its dials, what they mean here, what was measured.
    pub fn show_table(&self, name: &str) -> Result<Value, Refusal> {
        let tables = self.tables();
        let table = tables.named(name).ok_or_else(|| no_such_table(name))?;
        Ok(self.shown(name, table.version, &table.policy))
    }

    fn shown(&self, name: &str, version: u64, policy: &Policy) -> Value {
        let measured = self.measured();
        let explanation = explain(policy, &self.topology(), &measured);
        json!({
            "name": name,
            "version": version,
            "policy": policy,
            "explanation": explanation,
            "measured": measured,
        })
    }

    /// Every version of a table's dials that is remembered.
    pub fn table_history(&self, name: &str) -> Result<Value, Refusal> {
        let catalogue = self.control_plane.catalogue();
        match catalogue.history(name) {
            Some(history) => Ok(json!({
                "name": name,
                "forgotten": history.forgotten(),
                "history": history.versions().map(version).collect::<Vec<_>>(),
            })),
            // Nobody ever turned a dial of it.
            None if name == DEFAULT_TABLE => Ok(json!({ "name": name, "forgotten": 0, "history": [] })),
            None => Err(no_such_table(name)),
        }
    }

    /// Presets with their dials, as this cluster could have them.
    pub fn presets(&self) -> Value {
        let topology = self.topology();
        let presets = Preset::ALL.iter().map(|preset| preset.offer(&topology));
        json!({ "presets": presets.collect::<Vec<_>>() })
    }

    /// Declares a table; `dry_run` only says what it would become.
    pub async fn create_table(&self, body: &Value, dry_run: bool) -> Result<Value, Refusal> {
        let mut body = Body::of(body)?;
        let name = body.text("name")?.ok_or_else(|| Refusal::invalid("name: a new table needs one"))?;
        let preset = body.text("preset")?;
        let note = body.text("note")?.unwrap_or_default();
        let collapse = body.flag("collapse")?;
        let base = match preset {
            Some(preset) => self.preset(&preset)?,
            None => Policy::default(),
        };
        let policy = body.change()?.apply(&base);
        policy.check(&self.topology())?;
        let change = Change::CreateTable { name: name.clone(), policy: policy.clone(), note };
        self.preview(&change)?;
        // Keys may have been there before their table, under the dials of the default one.
        let counts = self.count_drained(&name, &change).await?;
        if dry_run {
            let mut shown = self.shown(&name, 1, &policy);
            shown["would_collapse"] = collapse_json(counts);
            return Ok(shown);
        }
        if !collapse {
            refuse_collapse(&name, counts)?;
        }
        let answer = self.propose(change).await?;
        let collapsed = if counts == Collapse::default() { 0 } else { self.collapse_table(&name).await? };
        let mut shown = self.shown(&name, version_of(&answer), &policy);
        shown["collapsed_keys"] = json!(collapsed);
        Ok(shown)
    }

    /// What the keys of a table hold that its new rule would collapse; nothing if the change drains nothing.
    async fn count_drained(&self, name: &str, change: &Change) -> Result<Collapse, Refusal> {
        let command = Command { at_ms: self.wall_ms(), actor: self.actor(), change: change.clone() };
        match self.control_plane.catalogue().drain_of(&command) {
            Some(_) => Ok(without_kept(self.count_collapsible(name).await?, change)),
            None => Ok(Collapse::default()),
        }
    }

    /// Turns dials of a table. A change that makes one value of what were several needs `collapse`; `dry_run` counts them.
    pub async fn alter_table(&self, name: &str, body: &Value, dry_run: bool) -> Result<Value, Refusal> {
        let mut body = Body::of(body)?;
        let expect_version = body.number("expect_version")?;
        let collapse = body.flag("collapse")?;
        let note = body.text("note")?.unwrap_or_default();
        let base = body.text("preset")?.map(|preset| self.preset(&preset)).transpose()?;
        let dials = body.change()?;
        let current = self.tables().named(name).map(|table| table.policy.clone()).ok_or_else(|| no_such_table(name))?;
        let policy = dials.apply(base.as_ref().unwrap_or(&current));
        policy.check(&self.topology())?;
        let drains = PolicyChange::drain(&current, &policy).is_some();
        let mut counts = if drains { self.count_collapsible(name).await? } else { Collapse::default() };
        if policy.merge.keeps_types() {
            counts.collections = 0;
        }
        let alteration = match base {
            Some(_) => Alteration::Replace(policy.clone()),
            None => Alteration::Change(dials),
        };
        let agreed = collapse || dry_run || counts == Collapse::default();
        let change = Change::AlterTable { name: name.to_owned(), alteration, expect_version, collapse: agreed, note };
        if dry_run {
            self.preview(&change)?;
            let mut shown = self.shown(name, 0, &policy);
            shown["would_collapse"] = collapse_json(counts);
            return Ok(shown);
        }
        let answer = self.propose(change).await?;
        let collapsed = if drains { self.collapse_table(name).await? } else { 0 };
        let mut shown = self.shown(name, version_of(&answer), &policy);
        shown["collapsed_keys"] = json!(collapsed);
        Ok(shown)
    }

    /// Takes a table's declaration away.
    pub async fn drop_table(&self, name: &str) -> Result<Value, Refusal> {
        let answer = self
            .propose(Change::DropTable { name: name.to_owned(), expect_version: None, note: String::new() })
            .await?;
        Ok(json!({ "name": name, "version": version_of(&answer) }))
    }

    fn preset(&self, name: &str) -> Result<Policy, Refusal> {
        let preset = Preset::named(name).map_err(|error| Refusal::invalid(error.to_string()))?;
        Ok(preset.policy(&self.topology()))
    }

    pub(super) async fn propose(&self, change: Change) -> Result<Answer, Refusal> {
        let answer = self.control_plane.propose(self.wall_ms(), self.actor(), change).await?;
        // Whoever asked may look here next.
        self.control_plane.wait_for(answer.version).await;
        Ok(answer)
    }

    fn preview(&self, change: &Change) -> Result<(), Refusal> {
        let command = Command { at_ms: self.wall_ms(), actor: self.actor(), change: change.clone() };
        let catalogue: &Catalogue = &self.control_plane.catalogue();
        catalogue.preview(&command).map(drop).map_err(Refusal::of_catalogue)
    }

    /// The regions, where they lie, and how far the others are from here.
    pub(crate) fn topology(&self) -> Topology {
        let mut topology = self.control_plane.catalogue().topology();
        let status = self.status();
        for peer in status.peers {
            if let Some(rtt_ms) = peer.rtt_ms {
                topology.rtt_ms.insert((self.config.region.clone(), peer.region.clone()), rtt_ms);
                topology.rtt_ms.insert((peer.region, self.config.region.clone()), rtt_ms);
            }
        }
        topology
    }

    fn measured(&self) -> Measured {
        let snapshot = self.member.read().snapshot();
        let (entries, bytes) = (snapshot.counters.entries_decided, snapshot.counters.entry_bytes_decided);
        let own = snapshot.applied.get(snapshot.replica);
        let elsewhere = snapshot.peers.iter().map(|(_, peer)| peer.have.get(snapshot.replica)).max();
        Measured {
            // Nobody was ever heard: how much others have is not known, which is not the same as all or nothing.
            unheld_writes: elsewhere.map(|held| own.saturating_sub(held)),
            unheld_ms: None,
            entry_bytes: bytes.checked_div(entries),
            heartbeat_ms: Some(lc_repl::Settings::default().heartbeat.as_millis() as u64),
        }
    }

    /// Looks through the whole table, a stretch at a time, so that clients are served in between.
    async fn count_collapsible(&self, table: &str) -> Result<Collapse, Refusal> {
        let (mut total, mut from) = (Collapse::default(), None);
        loop {
            let stretch = self.member.read().collapsible(table, from.as_deref(), STRETCH_KEYS);
            let stretch = stretch.map_err(|error| Refusal::unavailable(error.to_string()))?;
            total.keys += stretch.found.keys;
            total.values += stretch.found.values;
            total.increments += stretch.found.increments;
            total.collections += stretch.found.collections;
            from = stretch.next;
            if from.is_none() || self.stopping.load(Ordering::Relaxed) {
                return Ok(total);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes one value of what each key of the table holds, under the rule that holds now.
    async fn collapse_table(&self, table: &str) -> Result<u64, Refusal> {
        let (mut collapsed, mut from) = (0, None);
        loop {
            let stretch = self.member.read().collapsible(table, from.as_deref(), STRETCH_KEYS);
            let stretch = stretch.map_err(|error| Refusal::unavailable(error.to_string()))?;
            for keys in stretch.keys.chunks(KEYS_PER_WRITE) {
                collapsed += self.collapse_keys(keys).await?;
            }
            from = stretch.next;
            if from.is_none() || self.stopping.load(Ordering::Relaxed) {
                return Ok(collapsed);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn collapse_keys(&self, keys: &[Bytes]) -> Result<u64, Refusal> {
        let (outcome, wait) = self.member.write().collapse(self.wall_ms(), self.seed(), keys);
        self.wakeup.urgent();
        let reply = outcome.map_err(|error| Refusal::unavailable(error.to_string()))?;
        if let Some(wait) = wait {
            self.durable(wait).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        }
        Ok(if let Reply::Int(count) = reply { count.unsigned_abs() } else { 0 })
    }
}

/// A JSON object, taken apart: what is left in the end must be dials.
struct Body(serde_json::Map<String, Value>);

impl Body {
    fn of(body: &Value) -> Result<Body, Refusal> {
        let object = body.as_object().ok_or_else(|| Refusal::invalid("the body must be a JSON object"))?;
        Ok(Body(object.clone()))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(Refusal::invalid(format!("{name}: must be text, not {other}"))),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| Refusal::invalid(format!("{name}: must be a whole number, not {value}"))),
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(Refusal::invalid(format!("{name}: must be true or false, not {other}"))),
        }
    }

    fn change(self) -> Result<PolicyChange, Refusal> {
        serde_json::from_value(Value::Object(self.0)).map_err(|error| Refusal::invalid(error.to_string()))
    }
}

fn version(version: &Version) -> Value {
    json!({
        "version": version.version,
        "at_ms": version.at_ms,
        "by": version.actor,
        "note": version.note,
        "policy": version.policy,
        "dropped": version.policy.is_none(),
    })
}

/// A rule that keeps types collapses no collection.
fn without_kept(counts: Collapse, change: &Change) -> Collapse {
    let keeps = matches!(change, Change::CreateTable { policy, .. } if policy.merge.keeps_types());
    Collapse { collections: if keeps { 0 } else { counts.collections }, ..counts }
}

/// Collapsing is never done without being asked for.
fn refuse_collapse(name: &str, counts: Collapse) -> Result<(), Refusal> {
    if counts == Collapse::default() {
        return Ok(());
    }
    let Collapse { keys, values, increments, collections } = counts;
    Err(Refusal::new(
        RefusalKind::Conflict,
        format!(
            "table {name:?}: {keys} keys hold {values} values beside the one that would stay and {increments} increments, and \
             {collections} are collections: agree with \"collapse\": true, or alter the table's merge first"
        ),
    ))
}

fn collapse_json(counts: Collapse) -> Value {
    json!({
        "keys": counts.keys,
        "values": counts.values,
        "increments": counts.increments,
        "collections": counts.collections,
    })
}

fn version_of(answer: &Answer) -> u64 {
    match &answer.outcome {
        lc_catalogue::Outcome::Declared { version, .. } | lc_catalogue::Outcome::Dropped { version, .. } => *version,
        _ => answer.version,
    }
}

fn no_such_table(name: &str) -> Refusal {
    Refusal::new(RefusalKind::NoSuchTable, format!("no table is called {name:?}: create it first"))
}

/// Keys that are looked at before others have a turn.
const STRETCH_KEYS: usize = 1000;
/// Keys that are collapsed as one write.
const KEYS_PER_WRITE: usize = 100;
