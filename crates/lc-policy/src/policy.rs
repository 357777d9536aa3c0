//! A table's policy: one setting of each dial.

use std::fmt::Write;

use lc_crdt::Merge;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Ack, Dial, Error, Placement, PolicyChange, Read, Region, Topology, Writers, merge_text};

/// One setting of each dial, and bounds of what is kept beside the records.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Where a write may be decided.
    pub writers: Writers,
    /// Who holds it before the client hears OK.
    pub ack: Ack,
    /// What concurrent writes become.
    pub merge: Merge,
    /// Where the bytes may be.
    pub placement: Placement,
    /// How fresh a read must be.
    pub read: Read,
    /// Conflict ledger: bytes kept.
    pub ledger_bytes_max: u64,
    /// Conflict ledger: age kept, s.
    pub ledger_age_max_s: u64,
    /// How long a write waits for other regions, ms.
    pub ack_timeout_ms: u64,
    /// How long a read waits for other regions, ms.
    pub wait_ms: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            writers: Writers::default(),
            ack: Ack::default(),
            merge: Merge::default(),
            placement: Placement::default(),
            read: Read::default(),
            ledger_bytes_max: 16 << 20,
            ledger_age_max_s: 30 * 24 * 3600,
            ack_timeout_ms: 2000,
            wait_ms: 1000,
        }
    }
}

impl Policy {
    /// From a TOML document of `dial = setting` lines; dials that it does not name keep their defaults.
    pub fn from_toml(text: &str) -> Result<Policy, Error> {
        PolicyChange::from_toml(text).map(|change| change.apply(&Policy::default()))
    }

    /// From pairs of a dial's name and its setting; dials that are not named keep their defaults.
    pub fn from_words<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Policy, Error> {
        PolicyChange::from_words(words).map(|change| change.apply(&Policy::default()))
    }

    /// The document that [`Policy::from_toml`] reads as this policy.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for dial in Dial::ALL {
            let setting = match (dial, &self.placement) {
                (Dial::Placement, Placement::Regions(names)) => toml::Value::from(names.clone()).to_string(),
                _ if self.number(dial).is_some() => self.setting(dial),
                _ => toml::Value::from(self.setting(dial)).to_string(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{dial} = {setting}");
        }
        text
    }

    /// One dial's setting in words, as [`PolicyChange::set`] takes it.
    pub fn setting(&self, dial: Dial) -> String {
        match dial {
            Dial::Writers => self.writers.to_string(),
            Dial::Ack => self.ack.to_string(),
            Dial::Merge => merge_text::print(&self.merge),
            Dial::Placement => self.placement.to_string(),
            Dial::Read => self.read.to_string(),
            Dial::LedgerBytesMax => self.ledger_bytes_max.to_string(),
            Dial::LedgerAgeMaxS => self.ledger_age_max_s.to_string(),
            Dial::AckTimeoutMs => self.ack_timeout_ms.to_string(),
            Dial::WaitMs => self.wait_ms.to_string(),
        }
    }

    /// Dials that stand differently in `other`.
    pub fn differences(&self, other: &Policy) -> Vec<Dial> {
        Dial::ALL.into_iter().filter(|&dial| self.setting(dial) != other.setting(dial)).collect()
    }

    /// N: how many regions hold the table's records. A cluster nobody described yet is one region.
    pub fn region_count(&self, topology: &Topology) -> usize {
        match &self.placement {
            Placement::Everywhere => topology.regions.len().max(1),
            Placement::Regions(names) => {
                // Sorted, so that a name given twice stands beside itself.
                let repeated = names.windows(2).filter(|pair| pair[0] == pair[1]).count();
                names.len() - repeated
            }
        }
    }

    /// The regions of the cluster that hold the table's records.
    pub fn regions<'a>(&self, topology: &'a Topology) -> Vec<&'a Region> {
        topology.regions.iter().filter(|region| self.placement.holds(&region.name)).collect()
    }

    /// The regions of the cluster that never get the table's bytes, and so refuse its clients.
    pub fn not_held_in(&self, topology: &Topology) -> Vec<String> {
        let outside = topology.regions.iter().filter(|region| !self.placement.holds(&region.name));
        outside.map(|region| region.name.clone()).collect()
    }

    /// The bound that this dial is; `None` for the five that are none.
    pub(crate) fn number(&self, dial: Dial) -> Option<u64> {
        match dial {
            Dial::LedgerBytesMax => Some(self.ledger_bytes_max),
            Dial::LedgerAgeMaxS => Some(self.ledger_age_max_s),
            Dial::AckTimeoutMs => Some(self.ack_timeout_ms),
            Dial::WaitMs => Some(self.wait_ms),
            Dial::Writers | Dial::Ack | Dial::Merge | Dial::Placement | Dial::Read => None,
        }
    }

    pub(crate) fn serialize_dials<S: Serializer>(
        &self,
        serializer: S,
        dials: impl Iterator<Item = Dial>,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for dial in dials {
            match (dial, self.number(dial)) {
                (Dial::Placement, _) => map.serialize_entry(dial.name(), &self.placement)?,
                (_, Some(number)) => map.serialize_entry(dial.name(), &number)?,
                (_, None) => map.serialize_entry(dial.name(), &self.setting(dial))?,
            }
        }
        map.end()
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_dials(serializer, Dial::ALL.into_iter())
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
        PolicyChange::deserialize(deserializer).map(|change| change.apply(&Policy::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use crate::{Ack, Dial, Placement, Read};

    const DOCUMENT: &str = "\
writers = \"any\"
ack = \"regions(2)\"
merge = \"lww\"
placement = [\"eu-west\", \"us-east\"]
read = \"bounded(5s)\"
ledger_bytes_max = 1048576
ledger_age_max_s = 3600
ack_timeout_ms = 500
wait_ms = 0
";

    #[test]
    fn a_document_is_read_as_it_is_printed() {
        let policy = Policy::from_toml(DOCUMENT).expect("right");
        assert_eq!(policy.to_toml(), DOCUMENT);
        assert_eq!(policy.read, Read::Bounded(5000));
        let default = Policy::default();
        assert_eq!(Policy::from_toml(&default.to_toml()), Ok(default.clone()));
        assert_eq!(Policy::from_toml(""), Ok(default));
    }

    #[test]
    fn words_json_and_toml_say_the_same() {
        let policy = Policy::from_toml(DOCUMENT).expect("right");
        let words: Vec<(&str, String)> = Dial::ALL.map(|dial| (dial.name(), policy.setting(dial))).into();
        assert_eq!(Policy::from_words(words.iter().map(|(dial, text)| (*dial, text.as_str()))), Ok(policy.clone()));
        let json = serde_json::to_string(&policy).expect("JSON");
        assert!(
            json.starts_with(r#"{"writers":"any","ack":"regions(2)","merge":"lww","placement":["eu-west""#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Policy>(&json).expect("its own JSON"), policy);
    }

    #[test]
    fn a_wrong_line_is_named_with_what_would_be_right() {
        for (text, why) in [
            (
                "ack = \"all\"\nraed = \"session\"\n",
                "policy, line 2: unknown dial 'raed'; did you mean 'read'? dials: ",
            ),
            (
                "ack = \"all\"\n\nread = \"sesion\"\n",
                "policy, line 3: read=sesion: unknown setting; did you mean session?",
            ),
            ("read = \"quorum(0)\"", "policy, line 1: read=quorum(0): the asked region is counted"),
            ("read = \"bounded(500)\"", "policy, line 1: read=bounded(500): without a unit"),
            ("wait_ms = 1e3", "policy, line 1: wait_ms=1000.0: must be text, a whole number or a list of names"),
            ("ack = \"all\"\nack = \"local\"", "policy, line 2: duplicate key"),
            ("[tables.carts]\nack = \"all\"", "policy, line 1: unknown dial 'tables'; dials: "),
            (
                "ack = \"all\"\nplacement = [1]",
                "policy, line 2: placement=[1]: must be text, a whole number or a list of",
            ),
            ("ack = ", "policy, line 1: "),
        ] {
            let error = Policy::from_toml(text).expect_err(text).to_string();
            assert!(error.starts_with(why), "{error}");
        }
        let long = "#".repeat(70_000);
        assert_eq!(
            Policy::from_toml(&long).expect_err("long").to_string(),
            "a policy of 70000 bytes: at most 65536 are read"
        );
        let twice = Policy::from_words([("ack", "all"), ("ack", "local")]);
        assert_eq!(twice.expect_err("twice").to_string(), "ack is set twice");
    }

    #[test]
    fn what_differs_is_named() {
        let one = Policy::default();
        let other = Policy { ack: Ack::All, placement: Placement::Regions(Vec::new()), ..Policy::default() };
        assert_eq!(one.differences(&other), [Dial::Ack, Dial::Placement]);
        assert_eq!(one.differences(&one), []);
    }
}
