//! Tables and their dials: shown, declared, changed, taken away.

mod holders;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use lc_catalogue::{Alteration, Answer, Catalogue, Change, Command, TableHistory, Version};
use lc_db::Reply;
use lc_member::Collapse;
use lc_policy::{DEFAULT_TABLE, Measured, Placement, Policy, PolicyChange, Preset, Table, Topology, explain_towards};
use serde_json::{Value, json};

use self::holders::{Move, Standing, within};
use super::{Refusal, RefusalKind};
use crate::Node;

impl Node {
    /// Every table with its dials.
    pub fn list_tables(&self) -> Value {
        let catalogue = self.control_plane.catalogue();
        let (tables, topology) = (self.tables(), catalogue.topology());
        let shown = tables.iter().map(|table| {
            let standing = Standing::of(table);
            json!({
                "name": table.name,
                "version": catalogue.history(&table.name).map_or(0, TableHistory::version),
                "policy": table.policy,
                "target": table.target,
                "arriving": standing.arriving(&topology),
                "leaving": standing.leaving(&topology),
            })
        });
        json!({ "tables": shown.collect::<Vec<_>>() })
    }

    /// One table: its dials, what they mean here, what was measured.
    pub fn show_table(&self, name: &str) -> Result<Value, Refusal> {
        let tables = self.tables();
        let table = tables.named(name).ok_or_else(|| no_such_table(name))?;
        Ok(self.shown(name, table.version, &table.policy, &Standing::of(table)))
    }

    /// A table of these dials that lies as `standing` says, whatever placement the dials name.
    fn shown(&self, name: &str, version: u64, dials: &Policy, standing: &Standing) -> Value {
        let policy = Policy { placement: standing.placement.clone(), ..dials.clone() };
        let (measured, topology) = (self.measured(name, &policy), self.topology());
        let explanation = explain_towards(&policy, standing.target.as_ref(), &topology, &measured);
        json!({
            "name": name,
            "version": version,
            "policy": policy,
            "target": standing.target,
            "arriving": explanation.arriving,
            "leaving": standing.leaving(&topology),
            "not_held_in": explanation.not_held_in,
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
        let restored = body.flag("restored")?;
        let dials = body.change()?;
        let base = match preset {
            Some(preset) => self.preset(&preset, dials.placement.as_ref())?,
            None => Policy::default(),
        };
        let policy = dials.apply(&base);
        let topology = self.topology();
        policy.check(&topology)?;
        let change = Change::CreateTable { name: name.clone(), policy: policy.clone(), note };
        let foreseen = self.preview(&change)?;
        // Keys may have been there before their table, under the dials of the default one.
        let from = Standing::of(self.tables().of_key(b""));
        let to = from.towards(&policy.placement, &topology);
        let moved = Move { table: &name, from: &from, to: &to };
        // What comes from a backup was written under these dials: it stays as it is.
        let counts = if restored { Collapse::default() } else { self.count_drained(&moved, &change).await? };
        if dry_run {
            let mut shown = self.shown(&name, version_of(&foreseen), &policy, &to);
            shown["would_collapse"] = collapse_json(counts);
            shown["would_remove_copies_in"] = moved.removed_json(&topology);
            return Ok(shown);
        }
        if !collapse {
            refuse_collapse(&name, counts)?;
        }
        let answer = self.propose(change).await?;
        let collapsed = if counts == Collapse::default() { 0 } else { self.collapse_table(&name).await? };
        let mut shown = self.shown(&name, version_of(&answer), &policy, &to);
        shown["collapsed_keys"] = json!(collapsed);
        shown["removes_copies_in"] = moved.removed_json(&topology);
        Ok(shown)
    }

    /// What the keys of a table hold that its new rule would collapse; nothing if the change drains nothing.
    async fn count_drained(&self, moved: &Move<'_>, change: &Change) -> Result<Collapse, Refusal> {
        let command = Command { at_ms: self.wall_ms(), actor: self.actor(), change: change.clone() };
        if self.control_plane.catalogue().drain_of(&command).is_none() {
            return Ok(Collapse::default());
        }
        Ok(without_kept(self.count_moved(moved).await?, change))
    }

    /// What a table holds that a change of rule would collapse. Where the table will not be any more, only that there is
    /// nothing can be said, because nothing could be written there.
    async fn count_moved(&self, moved: &Move<'_>) -> Result<Collapse, Refusal> {
        let counts = match moved.from.placement.holds(&self.config.region) {
            true => self.count_collapsible(moved.table).await?,
            false => Collapse::default(),
        };
        let nothing = moved.from.placement.holds(&self.config.region) && counts == Collapse::default();
        if !nothing {
            moved.refuse_to_collapse_outside(&self.config.region, &self.topology())?;
        }
        Ok(counts)
    }

    /// Turns dials of a table. A change that makes one value of what were several needs `collapse`; `dry_run` counts them.
    pub async fn alter_table(&self, name: &str, body: &Value, dry_run: bool) -> Result<Value, Refusal> {
        let mut body = Body::of(body)?;
        let expect_version = body.number("expect_version")?;
        let collapse = body.flag("collapse")?;
        let note = body.text("note")?.unwrap_or_default();
        let preset = body.text("preset")?;
        let dials = body.change()?;
        let table = self.tables().named(name).cloned().ok_or_else(|| no_such_table(name))?;
        let (current, from) = (&table.policy, Standing::of(&table));
        let base = preset.map(|preset| self.preset_of_table(&preset, &dials, from.wanted())).transpose()?;
        let wanted = Policy { placement: from.wanted().clone(), ..current.clone() };
        let policy = dials.apply(base.as_ref().unwrap_or(&wanted));
        let topology = self.topology();
        policy.check(&topology)?;
        let to = from.towards(&policy.placement, &topology);
        let moved = Move { table: name, from: &from, to: &to };
        let drains = PolicyChange::drain(current, &policy).is_some();
        let mut counts = Collapse::default();
        if drains {
            counts = self.count_moved(&moved).await?;
        }
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
            let mut shown = self.shown(name, version_of(&self.preview(&change)?), &policy, &to);
            shown["would_collapse"] = collapse_json(counts);
            shown["would_remove_copies_in"] = moved.removed_json(&topology);
            return Ok(shown);
        }
        let answer = self.propose(change).await?;
        let stays = to.placement.holds(&self.config.region);
        let collapsed = if drains && stays { self.collapse_table(name).await? } else { 0 };
        let mut shown = self.shown(name, version_of(&answer), &policy, &to);
        shown["collapsed_keys"] = json!(collapsed);
        shown["removes_copies_in"] = moved.removed_json(&topology);
        Ok(shown)
    }

    /// Takes a table's declaration away.
    pub async fn drop_table(&self, name: &str) -> Result<Value, Refusal> {
        let answer = self
            .propose(Change::DropTable { name: name.to_owned(), expect_version: None, note: String::new() })
            .await?;
        Ok(json!({ "name": name, "version": version_of(&answer) }))
    }

    /// The dials of a preset, among the regions of `placement` if one is asked for with it.
    fn preset(&self, name: &str, placement: Option<&Placement>) -> Result<Policy, Refusal> {
        let preset = Preset::named(name).map_err(|error| Refusal::invalid(error.to_string()))?;
        Ok(preset.policy(&within(self.topology(), placement)))
    }

    /// The dials of a preset for a table that is there. It stays where it is placed, unless somewhere else is asked for:
    /// nobody who names a preset means that its bytes may go everywhere.
    fn preset_of_table(&self, name: &str, dials: &PolicyChange, lies: &Placement) -> Result<Policy, Refusal> {
        let placement = dials.placement.as_ref().unwrap_or(lies);
        let mut policy = self.preset(name, Some(placement))?;
        if policy.placement == Placement::Everywhere {
            policy.placement = placement.clone();
        }
        Ok(policy)
    }

    pub(super) async fn propose(&self, change: Change) -> Result<Answer, Refusal> {
        self.check_releases(&change)?;
        let answer = self.control_plane.propose(self.wall_ms(), self.actor(), change).await?;
        // Whoever asked may look here next.
        self.control_plane.wait_for(answer.version).await;
        Ok(answer)
    }

    /// What the catalogue would answer, and with it the version that the table would have.
    pub(super) fn preview(&self, change: &Change) -> Result<Answer, Refusal> {
        let command = Command { at_ms: self.wall_ms(), actor: self.actor(), change: change.clone() };
        let catalogue: &Catalogue = &self.control_plane.catalogue();
        catalogue.preview(&command).map_err(Refusal::of_catalogue)
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

    fn measured(&self, name: &str, policy: &Policy) -> Measured {
        let policy = policy.clone();
        let table = Table { name: name.to_owned(), version: 0, policy, placement_version: 0, target: None };
        let member = self.member.read();
        let (unheld, counters) = (member.unheld(&table), member.snapshot().counters);
        Measured {
            // Nobody was ever heard: how much others have is not known, which is not the same as all or nothing.
            unheld_writes: unheld.writes,
            unheld_ms: unheld.oldest.map(|oldest| self.wall_ms().saturating_sub(oldest.ms())),
            unheld_at_least: unheld.at_least,
            entry_bytes: counters.entry_bytes_decided.checked_div(counters.entries_decided),
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
        "target": version.target,
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
