//! A backup of this region, carried away piece by piece: rows as they were, then the journal up to one moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{ReplicaId, VersionVector};
use lc_env::{Random, RealRandom};
use lc_journal::Position;
use lc_member::{BackupMoment, backup, frozen_rows};
use lc_store::Frozen;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Refusal, RefusalKind};
use crate::Node;

/// The one backup that is under way, if any.
#[derive(Default)]
pub(crate) struct Backups {
    running: Mutex<Option<Arc<Running>>>,
}

struct Running {
    id: String,
    /// Rows of a full backup.
    rows: Option<Arc<dyn Frozen>>,
    /// What whoever takes it has before the first entry.
    begin: BackupMoment,
    /// Where the entries begin.
    position: Position,
    /// By which version of the catalogue rows are here or not.
    placement_version: u64,
    /// Rows that went for another reason than an entry.
    rows_removed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where it ends, once that was asked.
    end: Option<BackupMoment>,
    /// When it was asked for something last.
    asked: Duration,
}

impl Node {
    /// Begins a backup: `{"after": vector?, "placement_version": number?}`. With a vector only entries that it lacks, if they are all here.
    /// Dropped half-way, nothing was begun.
    pub async fn begin_backup(&self, body: &Value) -> Result<Value, Refusal> {
        let after = wanted(body)?;
        self.refuse_another_backup()?;
        self.flush_for_backup().await?;
        let (running, why_full) = self.prepare_backup(after)?;
        let told = self.told(&running, why_full.as_deref());
        *self.backups.running.lock() = Some(Arc::new(running));
        Ok(told)
    }

    /// Rows above `after`, as records; none at the end.
    pub async fn backup_rows(&self, id: &str, after: Bytes) -> Result<Bytes, Refusal> {
        let running = self.running(id)?;
        let Some(rows) = running.rows.clone() else { return Ok(Bytes::new()) };
        let read = tokio::task::spawn_blocking(move || frozen_rows(rows.as_ref(), &after, PIECE_BYTES)).await;
        let found = read.map_err(|error| Refusal::unavailable(error.to_string()))?;
        found.map(Bytes::from).map_err(again)
    }

    /// Says where the backup ends: at the records as they are now. Returns once that much is durable.
    pub async fn end_backup(&self, id: &str) -> Result<Value, Refusal> {
        let running = self.running(id)?;
        let end = {
            let mut state = running.state.lock();
            if state.end.is_none() {
                state.end = Some(self.end_moment(&running)?);
            }
            state.end.clone().expect("it was just set")
        };
        self.wakeup.urgent();
        self.durable(end.position).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        Ok(json!({ "end": moment(&end) }))
    }

    /// Entries from `from` on up to the end, as records; none once it is reached.
    pub async fn backup_entries(&self, id: &str, from: u64) -> Result<Bytes, Refusal> {
        let running = self.running(id)?;
        let end = running.state.lock().end.clone();
        let end = end.ok_or_else(|| Refusal::invalid("ask first where the backup ends: POST /v1/backups/{id}/end"))?;
        let mut from = Position(from).max(running.position);
        let mut out = Vec::new();
        // A stretch may hold nothing that is wanted: go on until something is found.
        while out.is_empty() && from < end.position {
            let job = self.member.read().prepare_backup_read(from, PIECE_BYTES).map_err(again)?;
            let (covered, upto) = (running.begin.vector.clone(), end.position);
            let read = tokio::task::spawn_blocking(move || stretch(job, &covered, upto)).await;
            let (found, next) = read.map_err(|error| Refusal::unavailable(error.to_string()))?.map_err(again)?;
            if next <= from {
                break;
            }
            (out, from) = (found, next);
        }
        Ok(out.into())
    }

    /// Lets go of what the backup held.
    pub fn finish_backup(&self, id: &str) -> Result<Value, Refusal> {
        self.running(id)?;
        *self.backups.running.lock() = None;
        Ok(json!({ "id": id }))
    }

    /// Lets go of a backup that nobody asks for any more: what is frozen takes room on the disk.
    pub(crate) fn forget_idle_backup(&self) {
        let now = self.now();
        let mut running = self.backups.running.lock();
        if running.as_ref().is_some_and(|running| now.saturating_sub(running.state.lock().asked) > IDLE_MAX) {
            tracing::warn!("a backup was given up: nobody asked for its next piece");
            *running = None;
        }
    }

    fn refuse_another_backup(&self) -> Result<(), Refusal> {
        let now = self.now();
        let running = self.backups.running.lock();
        let busy = running.as_ref().filter(|running| now.saturating_sub(running.state.lock().asked) < BUSY);
        busy.map_or(Ok(()), |running| {
            Err(Refusal::new(RefusalKind::Conflict, format!("backup {} is under way; one at a time", running.id)))
        })
    }

    /// The store then has every row as it is here: rows may have gone without an entry that says so.
    async fn flush_for_backup(&self) -> Result<(), Refusal> {
        self.member.write().ask_flush();
        let start = self.now();
        while !self.member.read().is_flushed_as_asked() {
            if self.now().saturating_sub(start) > FLUSH_MAX || self.stopping.load(Ordering::Relaxed) {
                return Err(Refusal::unavailable("the record store could not be brought up to date in time"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn prepare_backup(&self, after: Option<(VersionVector, u64)>) -> Result<(Running, Option<String>), Refusal> {
        let member = self.member.read();
        refuse_while_filled(&member)?;
        let placement_version = member.placement_settled().ok_or_else(moving)?;
        let rows_removed = member.snapshot().counters.rows_removed_elsewhere;
        let increment = after.map(|(vector, version)| {
            if version != placement_version {
                return Err("placements have changed since".to_owned());
            }
            let lost = || "the journal does not have all entries since any more".to_owned();
            member.journal_after(&vector).map(|position| (vector, position)).ok_or_else(lost)
        });
        let (rows, begin, position, why_full) = match increment {
            Some(Ok((vector, position))) => (None, BackupMoment { vector, ..BackupMoment::default() }, position, None),
            other => {
                let (rows, begin) = member.freeze().map_err(again)?;
                let position = begin.position;
                (Some(rows), begin, position, other.and_then(Result::err))
            }
        };
        let state = Mutex::new(State { end: None, asked: self.now() });
        let id = format!("{:016x}", RealRandom.u64());
        Ok((Running { id, rows, begin, position, placement_version, rows_removed, state }, why_full))
    }

    fn end_moment(&self, running: &Running) -> Result<BackupMoment, Refusal> {
        let member = self.member.read();
        refuse_while_filled(&member)?;
        let same = member.placement_settled() == Some(running.placement_version)
            && member.snapshot().counters.rows_removed_elsewhere == running.rows_removed;
        if same { Ok(member.backup_moment()) } else { Err(moving()) }
    }

    fn running(&self, id: &str) -> Result<Arc<Running>, Refusal> {
        let running = self.backups.running.lock().clone().filter(|running| running.id == id);
        let running = running.ok_or_else(|| {
            Refusal::new(
                RefusalKind::NotFound,
                "no such backup: it ended, or nobody asked for it too long; begin again",
            )
        })?;
        running.state.lock().asked = self.now();
        Ok(running)
    }

    fn told(&self, running: &Running, why_full: Option<&str>) -> Value {
        let tables = self.tables();
        let tables = tables.iter().map(|table| {
            json!({
                "name": table.name,
                "version": table.version,
                "placement_version": table.placement_version,
                "policy": table.policy,
                "target": table.target,
            })
        });
        json!({
            "id": running.id,
            "cluster": self.config.cluster,
            "region": self.config.region,
            "node": self.config.node_id,
            "kind": if running.rows.is_some() { "full" } else { "increment" },
            "why_full": why_full,
            "begin": moment(&running.begin),
            "placement_version": running.placement_version,
            "tables": tables.collect::<Vec<_>>(),
            "store_bytes": self.store.approximate_bytes(),
        })
    }
}

/// Records of a stretch of the journal, without what is covered and what comes after `upto`; and where the next begins.
fn stretch(
    job: lc_journal::ReadJob,
    covered: &VersionVector,
    upto: Position,
) -> Result<(Vec<u8>, Position), lc_member::Error> {
    let mut out = Vec::new();
    let next = job.run(|record| {
        if record.position >= upto {
            return std::ops::ControlFlow::Break(());
        }
        if record.seq > covered.get(ReplicaId(record.replica)) {
            backup::put_entry(&mut out, record.next.0, &record.payload);
        }
        std::ops::ControlFlow::Continue(())
    })?;
    Ok((out, next))
}

fn wanted(body: &Value) -> Result<Option<(VersionVector, u64)>, Refusal> {
    let Some(after) = body.get("after").filter(|after| !after.is_null()) else { return Ok(None) };
    let wrong = || Refusal::invalid("after: an object of replica numbers and sequences, as a backup's end says it");
    let mut vector = VersionVector::new();
    for (replica, seq) in after.as_object().ok_or_else(wrong)? {
        let replica = replica.parse().map_err(|_| wrong())?;
        vector.raise(ReplicaId(replica), seq.as_u64().filter(|seq| *seq > 0).ok_or_else(wrong)?);
    }
    let version = body.get("placement_version").and_then(Value::as_u64);
    Ok(Some((vector, version.ok_or_else(|| Refusal::invalid("placement_version: say it along with after"))?)))
}

fn moment(moment: &BackupMoment) -> Value {
    let vector: serde_json::Map<String, Value> =
        moment.vector.iter().map(|(replica, seq)| (replica.0.to_string(), json!(seq))).collect();
    json!({
        "vector": vector,
        "digest": format!("{:032x}", moment.digest),
        "keys": moment.keys,
        "hlc": moment.hlc.0,
    })
}

/// The journal was truncated under it, or the store was opened anew.
fn again(error: lc_member::Error) -> Refusal {
    match error {
        lc_member::Error::Journal(lc_journal::Error::Gone { .. }) => {
            Refusal::new(RefusalKind::Conflict, "the journal was truncated meanwhile: begin again")
        }
        error => Refusal::unavailable(format!("{error}: begin again")),
    }
}

fn refuse_while_filled(member: &lc_member::Member) -> Result<(), Refusal> {
    match member.is_being_filled().map_err(again)? {
        false => Ok(()),
        true => Err(Refusal::new(
            RefusalKind::Conflict,
            "this region is getting records from others that it missed: begin again when that is done, or ask another region",
        )),
    }
}

fn moving() -> Refusal {
    Refusal::new(
        RefusalKind::Conflict,
        "a table's placement has just changed and rows are still being removed here: begin again in a moment",
    )
}

/// About what one answer holds.
const PIECE_BYTES: usize = 4 << 20;
/// Whoever asked so lately is still at it.
const BUSY: Duration = Duration::from_secs(60);
const IDLE_MAX: Duration = Duration::from_secs(120);
const FLUSH_MAX: Duration = Duration::from_secs(50);
