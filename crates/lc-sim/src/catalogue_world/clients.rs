//! Clients of the catalogue: they look at a table and change it if it still is what they saw.

use std::sync::Arc;
use std::time::Duration;

use lc_catalogue::{
    Alteration, Catalogue, Change, Command, Outcome, Refused, TableHistory, decode_answer, encode_command,
};
use lc_policy::{Policy, PolicyChange, Table};
use lc_raft::{Error, Group};

use super::register::{Kind, Operation};
use super::{CatalogueBug, Shared};
use crate::rng::Rng;

/// One client's life, until the world says that it is over.
pub(super) async fn live(shared: Arc<Shared>, client: u64, nodes: u16, seed: u64, bug: Option<CatalogueBug>) {
    let rng = Rng::new(seed);
    let mut serial = 0;
    while !*shared.done.lock() {
        tokio::time::sleep(rng.between(Duration::from_millis(1), Duration::from_millis(600))).await;
        let node = 1 + rng.below(u64::from(nodes)) as u16;
        let table = format!("t{}", rng.below(3));
        let Some((group, catalogue)) = shared.member(node) else { continue };
        serial += 1;
        let request = Request { shared: &shared, node, table, actor: format!("c{client}-{serial}"), bug };
        match rng.chance(40.0) {
            true => request.read(&group).await,
            false => request.change(&rng, &group, &catalogue).await,
        }
    }
}

struct Request<'a> {
    shared: &'a Shared,
    node: u16,
    table: String,
    actor: String,
    bug: Option<CatalogueBug>,
}

/// How a proposal ended.
enum Ended {
    Answered {
        kind: Kind,
        version: u64,
    },
    /// Refused for a reason that says nothing about the table's version.
    Other,
    NotProposed,
    Unknown,
}

impl Request<'_> {
    async fn read(&self, group: &Group) {
        let invoked = self.shared.post.now();
        if self.bug != Some(CatalogueBug::ReadsUnasked) && group.read_barrier().await.is_err() {
            return;
        }
        // The process may have ended while it waited.
        let Some((_, catalogue)) = self.shared.member(self.node) else { return };
        self.note(Kind::Read, version_of(&catalogue, &self.table), invoked);
    }

    async fn change(&self, rng: &Rng, group: &Group, catalogue: &Catalogue) {
        let change = self.choose(rng, catalogue);
        let again = matches!(change, Change::AlterTable { .. }) && rng.chance(60.0);
        let command =
            Command { at_ms: 1000 + self.shared.post.now().as_millis() as u64, actor: self.actor.clone(), change };
        let invoked = self.shared.post.now();
        let mut ended = self.propose(group, catalogue, &command).await;
        let mut proposed = !matches!(ended, Ended::NotProposed);
        // Asking again after a lost answer must not change anything twice.
        if again && matches!(ended, Ended::Unknown) {
            ended = self.propose(group, catalogue, &command).await;
            proposed = true;
        }
        match ended {
            Ended::Answered { kind, version } => self.note(kind, version, invoked),
            Ended::Unknown => self.shared.counts.lock().unknown += 1,
            Ended::NotProposed if !proposed => self.note(Kind::NotProposed, 0, invoked),
            Ended::NotProposed | Ended::Other => {}
        }
    }

    /// A change of the table as this node knows it, perhaps not as it is.
    fn choose(&self, rng: &Rng, catalogue: &Catalogue) -> Change {
        let (name, note) = (self.table.clone(), String::new());
        let timeout = (1000 + rng.below(60_000)).to_string();
        let declared = catalogue.history(&name).filter(|table| table.policy().is_some());
        let Some(version) = declared.map(TableHistory::version) else {
            let policy = Policy::from_words([("ack_timeout_ms", timeout.as_str())]).expect("a dial as it is written");
            return Change::CreateTable { name, policy, note };
        };
        // Now and then somebody expects what is long past.
        let expect_version = Some(if rng.chance(10.0) { version.saturating_sub(1).max(1) } else { version });
        if rng.chance(8.0) {
            return Change::DropTable { name, expect_version, note };
        }
        let regions: Vec<&str> = catalogue.regions().map(|region| region.name.as_str()).collect();
        let region = regions[rng.below(regions.len() as u64) as usize];
        if let Some(table) = catalogue.tables().named(&name).filter(|table| table.is_arriving_in(region)) {
            return self.arrival(rng, table, region);
        }
        let words = match rng.below(10) {
            0 => ("placement", "everywhere"),
            1..4 => ("placement", region),
            _ => ("ack_timeout_ms", timeout.as_str()),
        };
        let dials = PolicyChange::from_words([words]).expect("a dial as it is written");
        Change::AlterTable { name, alteration: Alteration::Change(dials), expect_version, collapse: false, note }
    }

    /// As a region says it; now and then of a placement that was called off.
    fn arrival(&self, rng: &Rng, table: &Table, region: &str) -> Change {
        let placement_version = table.placement_version - u64::from(rng.chance(20.0));
        Change::Arrived { table: self.table.clone(), region: region.to_owned(), placement_version }
    }

    async fn propose(&self, group: &Group, catalogue: &Catalogue, command: &Command) -> Ended {
        match group.propose(encode_command(command)).await {
            Ok(answer) => match decode_answer(&answer) {
                Ok(answer) => ended(command, answer),
                Err(_) => Ended::Other,
            },
            Err(_) if self.bug == Some(CatalogueBug::AnsweredAlone) => ended(command, catalogue.preview(command)),
            Err(Error::OutcomeUnknown { .. } | Error::Stopped { .. }) => Ended::Unknown,
            Err(_) => Ended::NotProposed,
        }
    }

    fn note(&self, kind: Kind, version: u64, invoked: Duration) {
        let answered = self.shared.post.now();
        let (table, actor) = (self.table.clone(), self.actor.clone());
        self.shared.line(format_args!("{} {actor} {table} {kind:?} {version}", self.node));
        self.shared.operations.lock().push(Operation { table, actor, kind, version, invoked, answered });
    }
}

fn ended(command: &Command, answer: Result<lc_catalogue::Answer, Refused>) -> Ended {
    let found = matches!(&answer, Ok(answer) if !answer.changed) && moves(&command.change);
    match answer.map(|answer| answer.outcome) {
        // It was so already, by whose command is not said.
        Ok(Outcome::Declared { version, .. }) if found => Ended::Answered { kind: Kind::Refused, version },
        Ok(Outcome::Declared { version, .. } | Outcome::Dropped { version, .. }) => {
            Ended::Answered { kind: Kind::Changed, version }
        }
        Err(Refused::TableChanged { version, .. } | Refused::TableExists { version, .. }) => {
            Ended::Answered { kind: Kind::Refused, version }
        }
        Ok(_) | Err(_) => Ended::Other,
    }
}

/// Whether a change may find that somebody else has brought about what it asks for.
fn moves(change: &Change) -> bool {
    match change {
        Change::Arrived { .. } => true,
        Change::AlterTable { alteration: Alteration::Change(dials), .. } => dials.placement.is_some(),
        _ => false,
    }
}

fn version_of(catalogue: &Catalogue, table: &str) -> u64 {
    catalogue.history(table).map_or(0, TableHistory::version)
}
