//! Tables: declared, altered, dropped, and what is remembered of that.

use lc_policy::{DEFAULT_TABLE, Drain, Placement, Policy, Topology};

use super::{Catalogue, Done};
use crate::placements::{Placed, check_dropped};
use crate::{Alteration, Change, Command, Outcome, Refused, TableHistory, Version, dials, limits, names};

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
            Change::CreateTable { name, policy, .. } => self.created(policy).check(name, &self.topology()),
            Change::AlterTable { name, alteration, .. } => {
                let (_, old) = self.declared_table(name)?;
                self.altered(&old, alteration).check(name, &self.topology())
            }
            _ => Ok(()),
        }
    }

    /// How a table stands that is declared with these dials: its keys may have been in `default`, so it lies where that
    /// does until other regions have arrived.
    fn created(&self, policy: &Policy) -> Placed {
        Placed::between(&self.default_placed().policy.placement, policy.clone(), &self.regions)
    }

    /// How a table stands that is altered: what is asked for is compared with where it lies, and with where it is on its
    /// way to.
    fn altered(&self, old: &Placed, alteration: &Alteration) -> Placed {
        Placed::between(&old.policy.placement, dials::altered(&old.wanted(), alteration), &self.regions)
    }

    fn placeless(&self) -> Topology {
        dials::placeless_topology_of(&self.regions)
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
            && let Some(known) = table.placed()
        {
            return if table.latest().is_of(command) && known.wanted() == *policy {
                Ok(Done::unchanged(declared(table)))
            } else {
                Err(Refused::TableExists { table: name.to_owned(), version: table.version() })
            };
        }
        if self.declared().count() >= limits::TABLES_MAX {
            let right = format!("at most {} tables are declared; drop some", limits::TABLES_MAX);
            return Err(Refused::Full { what: format!("table {name:?}"), right });
        }
        let new = self.created(policy);
        new.check(name, &self.placeless())?;
        self.record(command, name, Some(new), note)?;
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
        let new = self.altered(&old, alteration);
        if table.latest().is_of(command) && new == old {
            return Ok(Done::unchanged(declared(table)));
        }
        check_version(table, terms)?;
        if new == old {
            return Ok(Done::unchanged(declared(table)));
        }
        if let Some(drain) = dials::drain(&old.policy, &new.policy).filter(|_| !terms.collapse) {
            return Err(Refused::NeedsCollapse { table: name.to_owned(), from: drain.from, to: drain.to });
        }
        new.check(name, &self.placeless())?;
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
        let (table, placed) = self.declared_table(name)?;
        check_version(table, terms)?;
        check_dropped(name, &self.default_placed(), &placed, &self.regions)?;
        let outcome = Outcome::Dropped { table: name.to_owned(), version: table.version() + 1 };
        self.record(command, name, None, terms.note)?;
        Ok(Done::changed(outcome))
    }

    /// A region has what a table that is on its way to it holds. Of another placement than the one now it says nothing:
    /// regions say it again of that one.
    pub(super) fn arrive(
        &mut self,
        command: &Command,
        name: &str,
        region: &str,
        placement_version: u64,
    ) -> Result<Done, Refused> {
        let (table, placed) = self.declared_table(name)?;
        let meant = table.latest().placement_version == placement_version;
        let Some(after) = placed.arrived(region, &self.regions).filter(|_| meant) else {
            return Ok(Done::unchanged(declared(table)));
        };
        self.record(command, name, Some(after), &format!("region {region} has arrived"))?;
        Ok(Done::changed(declared(&self.tables[name])))
    }

    /// Writes down how a table is from now on. Old versions make room; dials in force never do.
    pub(super) fn record(
        &mut self,
        command: &Command,
        name: &str,
        placed: Option<Placed>,
        note: &str,
    ) -> Result<(), Refused> {
        names::check_text("note", note, limits::NOTE_BYTES_MAX)?;
        let catalogue_version = self.version + 1;
        let before = self.history(name);
        let placement_version = placement_version(before, placed.as_ref(), catalogue_version);
        let (policy, target) = placed.map(|placed| (placed.policy, placed.target)).unzip();
        let version = Version {
            version: before.map_or(self.forgotten_version, TableHistory::version) + 1,
            catalogue_version,
            placement_version,
            policy,
            target: target.flatten(),
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

    fn default_placed(&self) -> Placed {
        let default = self.history(DEFAULT_TABLE).and_then(TableHistory::placed);
        default.expect("declared with the cluster's beginning, and never dropped")
    }

    fn declared_table(&self, name: &str) -> Result<(&TableHistory, Placed), Refused> {
        let table = self.history(name).and_then(|table| Some((table, table.placed()?)));
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

/// When the table's placement or target changed last, if it is this from now on.
fn placement_version(before: Option<&TableHistory>, placed: Option<&Placed>, now: u64) -> u64 {
    let last = before.map_or(0, |before| before.latest().placement_version);
    // Dropped: it lay where its keys lie from now on, so nothing changes.
    let Some(placed) = placed else { return last };
    match before.and_then(TableHistory::placed) {
        Some(old) if old.policy.placement == placed.policy.placement && old.target == placed.target => last,
        Some(_) => now,
        // Declared: nothing that could have been restricted before it was there.
        None if placed.policy.placement == Placement::Everywhere => last,
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
