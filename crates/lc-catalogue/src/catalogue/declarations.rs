//! Tables: declared, altered, dropped, and what is remembered of that.

use lc_policy::{DEFAULT_TABLE, Drain, Placement, Policy};

use super::{Catalogue, Done};
use crate::{Alteration, Change, Command, Outcome, Refused, TableHistory, Version, dials, limits, names, placements};

/// On which terms a table is changed.
pub(super) struct Terms<'a> {
    pub expect_version: Option<u64>,
    pub collapse: bool,
    pub note: &'a str,
}

impl Catalogue {
    /// What readers would see differently once `command` is applied, so that conflicts are to be collapsed with it;
    /// `None`: nothing. Also for keys that come from `default` when their table is declared, and go back to it when it is
    /// dropped.
    pub fn drain_of(&self, command: &Command) -> Option<Drain> {
        let policy_of = |name: &str| self.history(name).and_then(TableHistory::policy);
        let default = policy_of(DEFAULT_TABLE)?;
        match &command.change {
            Change::CreateTable { name, policy, .. } if policy_of(name).is_none() => dials::drain(default, policy),
            Change::AlterTable { name, alteration, .. } => {
                let policy = policy_of(name)?;
                dials::drain(policy, &dials::altered(policy, alteration))
            }
            Change::DropTable { name, .. } => dials::drain(policy_of(name)?, default),
            _ => None,
        }
    }

    /// What the distances between regions say against the dials that `command` asks for. Only its proposer asks this.
    pub(super) fn check_distances(&self, command: &Command) -> Result<(), Refused> {
        match &command.change {
            Change::CreateTable { name, policy, .. } => dials::check(name, policy, &self.topology()),
            Change::AlterTable { name, alteration, .. } => {
                let (_, policy) = self.declared_table(name)?;
                dials::check(name, &dials::altered(policy, alteration), &self.topology())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn create_table(
        &mut self,
        command: &Command,
        name: &str,
        policy: &Policy,
        note: &str,
    ) -> Result<Done, Refused> {
        names::check_table(name)?;
        if let Some(table) = self.history(name)
            && let Some(known) = table.policy()
        {
            return if table.latest().is_of(command) && known == policy {
                Ok(Done::unchanged(declared(table)))
            } else {
                Err(Refused::TableExists { table: name.to_owned(), version: table.version() })
            };
        }
        if self.declared().count() >= limits::TABLES_MAX {
            let right = format!("at most {} tables are declared; drop some", limits::TABLES_MAX);
            return Err(Refused::Full { what: format!("table {name:?}"), right });
        }
        dials::check(name, policy, &dials::placeless_topology_of(&self.regions))?;
        placements::check_created(name, self.default_policy(), policy, &self.regions)?;
        self.record(command, name, Some(policy.clone()), note)?;
        Ok(Done::changed(declared(&self.tables[name])))
    }

    pub(super) fn alter_table(
        &mut self,
        command: &Command,
        name: &str,
        alteration: &Alteration,
        terms: &Terms<'_>,
    ) -> Result<Done, Refused> {
        let (table, old) = self.declared_table(name)?;
        let new = dials::altered(old, alteration);
        if table.latest().is_of(command) && new == *old {
            return Ok(Done::unchanged(declared(table)));
        }
        check_version(table, terms)?;
        if new == *old {
            return Ok(Done::unchanged(declared(table)));
        }
        if let Some(drain) = dials::drain(old, &new).filter(|_| !terms.collapse) {
            return Err(Refused::NeedsCollapse { table: name.to_owned(), from: drain.from, to: drain.to });
        }
        dials::check(name, &new, &dials::placeless_topology_of(&self.regions))?;
        placements::check_altered(name, old, &new, &self.regions)?;
        self.record(command, name, Some(new), terms.note)?;
        Ok(Done::changed(declared(&self.tables[name])))
    }

    pub(super) fn drop_table(&mut self, command: &Command, name: &str, terms: &Terms<'_>) -> Result<Done, Refused> {
        if name == DEFAULT_TABLE {
            return Err(Refused::DefaultStays { table: name.to_owned() });
        }
        if let Some(table) = self.history(name)
            && table.policy().is_none()
            && table.latest().is_of(command)
        {
            return Ok(Done::unchanged(dropped(table)));
        }
        let (table, policy) = self.declared_table(name)?;
        check_version(table, terms)?;
        placements::check_dropped(name, self.default_policy(), policy, &self.regions)?;
        let outcome = Outcome::Dropped { table: name.to_owned(), version: table.version() + 1 };
        self.record(command, name, None, terms.note)?;
        Ok(Done::changed(outcome))
    }

    /// Writes down how a table is from now on. Old versions make room; dials in force never do.
    pub(super) fn record(
        &mut self,
        command: &Command,
        name: &str,
        policy: Option<Policy>,
        note: &str,
    ) -> Result<(), Refused> {
        names::check_text("note", note, limits::NOTE_BYTES_MAX)?;
        let catalogue_version = self.version + 1;
        let before = self.history(name).map(TableHistory::latest);
        let version = Version {
            version: before.map_or(self.forgotten_version, |before| before.version) + 1,
            catalogue_version,
            placement_version: placement_version(before, policy.as_ref(), catalogue_version),
            policy,
            at_ms: command.at_ms,
            actor: command.actor.clone(),
            note: note.to_owned(),
        };
        let bytes = version.bytes();
        if version.policy.is_some() {
            self.check_room(name, bytes)?;
        }
        self.versions_bytes += bytes;
        match self.tables.get_mut(name) {
            Some(table) => table.push(version),
            None => {
                self.tables.insert(name.to_owned(), TableHistory::new(name, version));
            }
        }
        if self.tables[name].is_over_full() {
            self.forget_oldest_of(name);
        }
        if self.versions_bytes > limits::VERSIONS_BYTES_MAX {
            self.make_room();
        }
        Ok(())
    }

    fn default_policy(&self) -> &Policy {
        let policy = self.history(DEFAULT_TABLE).and_then(TableHistory::policy);
        policy.expect("declared with the cluster's beginning, and never dropped")
    }

    fn declared_table(&self, name: &str) -> Result<(&TableHistory, &Policy), Refused> {
        let table = self.history(name).and_then(|table| Some((table, table.policy()?)));
        table.ok_or_else(|| Refused::NoSuchTable { table: names::shown(name) })
    }

    /// Whether the dials in force of all tables fit with `bytes` for the new ones of this table.
    fn check_room(&self, name: &str, bytes: usize) -> Result<(), Refused> {
        if self.versions_bytes + bytes <= limits::VERSIONS_BYTES_MAX {
            return Ok(());
        }
        let others = self.declared().filter(|table| table.name() != name);
        let in_force: usize = others.map(|table| table.latest().bytes()).sum();
        if in_force + bytes <= limits::VERSIONS_BYTES_MAX {
            return Ok(());
        }
        let right = format!(
            "dials in force take {in_force} of {} bytes; drop tables, or shorten their rules",
            limits::VERSIONS_BYTES_MAX
        );
        Err(Refused::Full { what: format!("the dials of table {name:?}"), right })
    }

    /// Forgets the oldest versions of all that are not in force: a sixteenth at once, so that room is not counted again
    /// for each change that follows.
    fn make_room(&mut self) {
        let enough = limits::VERSIONS_BYTES_MAX - limits::VERSIONS_BYTES_MAX / 16;
        while self.versions_bytes > enough
            && let Some(oldest) = self.oldest_spare()
        {
            self.forget_oldest_of(&oldest);
        }
    }

    /// The table whose oldest version is the oldest of all that are not in force.
    fn oldest_spare(&self) -> Option<String> {
        let spare = self.tables.values().filter_map(|table| Some((table.oldest_spare()?.catalogue_version, table)));
        spare.min_by_key(|(catalogue_version, _)| *catalogue_version).map(|(_, table)| table.name().to_owned())
    }

    fn forget_oldest_of(&mut self, name: &str) {
        let table = self.tables.get_mut(name).expect("only known tables have versions to forget");
        let oldest = table.oldest_spare().expect("dials in force are never forgotten").bytes();
        self.versions_bytes -= oldest;
        if !table.forget_oldest() {
            // Somebody may still hold its last version as expect_version, so that number is not given again.
            self.forgotten_version = self.forgotten_version.max(table.version());
            self.tables.remove(name);
        }
    }
}

fn check_version(table: &TableHistory, terms: &Terms<'_>) -> Result<(), Refused> {
    match terms.expect_version {
        Some(expected) if expected != table.version() => {
            Err(Refused::TableChanged { table: table.name().to_owned(), expected, version: table.version() })
        }
        _ => Ok(()),
    }
}

/// When the table's placement changed last, if it is this from now on.
fn placement_version(before: Option<&Version>, policy: Option<&Policy>, now: u64) -> u64 {
    let Some(policy) = policy else { return 0 };
    match before.and_then(|before| Some((before, before.policy.as_ref()?))) {
        Some((before, old)) if old.placement == policy.placement => before.placement_version,
        Some(_) => now,
        // Declared: nothing that could have been restricted before it was there.
        None if policy.placement == Placement::Everywhere => 0,
        None => now,
    }
}

fn declared(table: &TableHistory) -> Outcome {
    Outcome::Declared { table: table.name().to_owned(), version: table.version() }
}

fn dropped(table: &TableHistory) -> Outcome {
    Outcome::Dropped { table: table.name().to_owned(), version: table.version() }
}

#[cfg(test)]
mod tests;
