//! Some dials of a policy: what a document, a request or a row of words says. What it does not say stays.

use std::collections::BTreeMap;
use std::fmt;

use lc_crdt::Merge;
use serde::de::{self, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

use crate::given::Given;
use crate::{Ack, Dial, Drain, Error, Placement, Policy, Read, Writers, merge_text};

/// The dials to turn; `None` leaves one as it is. As JSON or TOML: an object of the dials that it names.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PolicyChange {
    /// Where a write may be decided.
    pub writers: Option<Writers>,
    /// Who holds it before the client hears OK.
    pub ack: Option<Ack>,
    /// What concurrent writes become.
    pub merge: Option<Merge>,
    /// Where the bytes may be.
    pub placement: Option<Placement>,
    /// How fresh a read must be.
    pub read: Option<Read>,
    /// Conflict ledger: bytes kept.
    pub ledger_bytes_max: Option<u64>,
    /// Conflict ledger: age kept, s.
    pub ledger_age_max_s: Option<u64>,
    /// How long a write waits for other regions, ms.
    pub ack_timeout_ms: Option<u64>,
    /// How long a read waits for other regions, ms.
    pub wait_ms: Option<u64>,
}

impl PolicyChange {
    /// From pairs of a dial's name and its setting, as `("ack", "regions(2)")`. A dial may be named once.
    pub fn from_words<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<PolicyChange, Error> {
        let mut change = PolicyChange::default();
        for (name, setting) in words {
            change.set_once(name.parse()?, Given::Text(setting.to_owned()))?;
        }
        Ok(change)
    }

    /// From a TOML document of `dial = setting` lines.
    pub fn from_toml(text: &str) -> Result<PolicyChange, Error> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::TooLong { bytes: text.len(), bytes_max: DOCUMENT_BYTES_MAX });
        }
        let wrong_at = |byte: usize, what: String| {
            let before = text.bytes().take(byte).filter(|&byte| byte == b'\n').count();
            Error::Document { line: before + 1, what }
        };
        let lines: BTreeMap<Spanned<String>, toml::Value> =
            toml::from_str(text).map_err(|error: toml::de::Error| {
                wrong_at(error.span().map_or(0, |span| span.start), error.message().to_owned())
            })?;
        let mut lines: Vec<(Spanned<String>, toml::Value)> = lines.into_iter().collect();
        // The first mistake is told first.
        lines.sort_by_key(|(name, _)| name.span().start);
        let mut change = PolicyChange::default();
        for (name, value) in lines {
            let start = name.span().start;
            let set = name.get_ref().parse().and_then(|dial| change.give(dial, Given::of_toml(dial, value)?));
            set.map_err(|error| wrong_at(start, error.to_string()))?;
        }
        Ok(change)
    }

    /// Turns one dial to a setting in words; numbers are written out.
    pub fn set(&mut self, dial: Dial, setting: &str) -> Result<(), Error> {
        self.give(dial, Given::Text(setting.to_owned()))
    }

    /// The policy with these dials turned.
    pub fn apply(&self, to: &Policy) -> Policy {
        Policy {
            writers: self.writers.unwrap_or(to.writers),
            ack: self.ack.unwrap_or(to.ack),
            merge: self.merge.clone().unwrap_or_else(|| to.merge.clone()),
            placement: self.placement.clone().unwrap_or_else(|| to.placement.clone()),
            read: self.read.unwrap_or(to.read),
            ledger_bytes_max: self.ledger_bytes_max.unwrap_or(to.ledger_bytes_max),
            ledger_age_max_s: self.ledger_age_max_s.unwrap_or(to.ledger_age_max_s),
            ack_timeout_ms: self.ack_timeout_ms.unwrap_or(to.ack_timeout_ms),
            wait_ms: self.wait_ms.unwrap_or(to.wait_ms),
        }
    }

    /// Whether it names no dial.
    pub fn is_empty(&self) -> bool {
        *self == PolicyChange::default()
    }

    /// The dials that it names, in their order.
    pub fn dials(&self) -> impl Iterator<Item = Dial> + '_ {
        Dial::ALL.into_iter().filter(|&dial| self.names(dial))
    }

    /// What must be collapsed before a table may go from one policy to the other; `None`: nothing.
    pub fn drain(old: &Policy, new: &Policy) -> Option<Drain> {
        Drain::between(&old.merge, &new.merge)
    }

    fn names(&self, dial: Dial) -> bool {
        match dial {
            Dial::Writers => self.writers.is_some(),
            Dial::Ack => self.ack.is_some(),
            Dial::Merge => self.merge.is_some(),
            Dial::Placement => self.placement.is_some(),
            Dial::Read => self.read.is_some(),
            Dial::LedgerBytesMax => self.ledger_bytes_max.is_some(),
            Dial::LedgerAgeMaxS => self.ledger_age_max_s.is_some(),
            Dial::AckTimeoutMs => self.ack_timeout_ms.is_some(),
            Dial::WaitMs => self.wait_ms.is_some(),
        }
    }

    fn set_once(&mut self, dial: Dial, given: Given) -> Result<(), Error> {
        if self.names(dial) {
            return Err(Error::Twice { dial });
        }
        self.give(dial, given)
    }

    fn give(&mut self, dial: Dial, given: Given) -> Result<(), Error> {
        let number = |given: &Given| {
            let (least, most) = bounds(dial);
            given.number(dial, least, most)
        };
        match dial {
            Dial::Writers => self.writers = Some(given.text(dial)?.parse()?),
            Dial::Ack => self.ack = Some(given.text(dial)?.parse()?),
            Dial::Merge => self.merge = Some(merge_text::parse(given.text(dial)?)?),
            Dial::Placement => self.placement = Some(given.placement()?),
            Dial::Read => self.read = Some(given.text(dial)?.parse()?),
            Dial::LedgerBytesMax => self.ledger_bytes_max = Some(number(&given)?),
            Dial::LedgerAgeMaxS => self.ledger_age_max_s = Some(number(&given)?),
            Dial::AckTimeoutMs => self.ack_timeout_ms = Some(number(&given)?),
            Dial::WaitMs => self.wait_ms = Some(number(&given)?),
        }
        Ok(())
    }
}

impl Serialize for PolicyChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A default policy stands in for what is not named; those dials are left out.
        self.apply(&Policy::default()).serialize_dials(serializer, self.dials())
    }
}

impl<'de> Deserialize<'de> for PolicyChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PolicyChange, D::Error> {
        deserializer.deserialize_map(Dials)
    }
}

struct Dials;

impl<'de> de::Visitor<'de> for Dials {
    type Value = PolicyChange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dials with their settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyChange, A::Error> {
        let mut change = PolicyChange::default();
        while let Some(name) = map.next_key::<String>()? {
            let dial: Dial = name.parse().map_err(de::Error::custom)?;
            change.set_once(dial, map.next_value()?).map_err(de::Error::custom)?;
        }
        Ok(change)
    }
}

/// Least and most of a number. The mosts keep sums and products of them far from overflow.
pub(crate) fn bounds(dial: Dial) -> (u64, u64) {
    match dial {
        // Without a ledger the values that lose would be gone without a trace.
        Dial::LedgerBytesMax => (4 << 10, 1 << 40),
        Dial::LedgerAgeMaxS => (60, 100 * 366 * 24 * 3600),
        Dial::AckTimeoutMs => (1, 10 * 60 * 1000),
        Dial::WaitMs => (0, 10 * 60 * 1000),
        Dial::Writers | Dial::Ack | Dial::Merge | Dial::Placement | Dial::Read => (0, 0),
    }
}

/// A policy is a dozen lines.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::PolicyChange;
    use crate::{Ack, Dial, Placement, Policy, Read};

    #[test]
    fn only_what_is_named_changes() {
        let before = Policy { ack: Ack::All, wait_ms: 50, ..Policy::default() };
        let change = PolicyChange::from_words([("read", "quorum(2)"), ("ledger_age_max_s", "3600")]).expect("right");
        let after = change.apply(&before);
        assert_eq!(after, Policy { read: Read::Quorum(2), ledger_age_max_s: 3600, ..before });
        assert_eq!(change.dials().collect::<Vec<_>>(), [Dial::Read, Dial::LedgerAgeMaxS]);
        assert!(!change.is_empty() && PolicyChange::default().is_empty());
    }

    #[test]
    fn a_change_survives_json_and_names_no_more_than_before() {
        let json = r#"{"ack":"regions(2)","placement":["eu-west","us-east"],"wait_ms":0}"#;
        let change: PolicyChange = serde_json::from_str(json).expect("right");
        assert_eq!(change.ack, Some(Ack::Regions(2)));
        assert_eq!(change.placement, Some(Placement::Regions(vec!["eu-west".to_owned(), "us-east".to_owned()])));
        assert_eq!(serde_json::to_string(&change).expect("JSON"), json);
        assert_eq!(serde_json::to_string(&PolicyChange::default()).expect("JSON"), "{}");
    }

    #[test]
    fn what_json_says_wrongly_is_refused_with_the_dial() {
        for (json, why) in [
            (r#"{"akc":"all"}"#, "unknown dial 'akc'; did you mean 'ack'? dials: writers, ack"),
            (r#"{"ack":2}"#, "ack=2: must be text"),
            (r#"{"ack":["all"]}"#, "ack=[all]: must be text"),
            (r#"{"ack":"all","ack":"local"}"#, "ack is set twice"),
            (r#"{"wait_ms":-1}"#, "wait_ms=-1: must be a whole number from 0 to 600000"),
            (r#"{"ack_timeout_ms":0}"#, "ack_timeout_ms=0: must be a whole number from 1 to 600000"),
            (
                r#"{"ledger_bytes_max":"16MiB"}"#,
                "ledger_bytes_max=16MiB: must be a whole number from 4096 to 1099511627776",
            ),
            (r#"{"ack":null}"#, "invalid type: null, expected text, a whole number or a list of names"),
            (
                r#"{"wait_ms":1.5}"#,
                "invalid type: floating point `1.5`, expected text, a whole number or a list of names",
            ),
            (r#"{"placement":3}"#, "placement=3: must be everywhere or a list of regions"),
            (r#"["ack"]"#, "invalid type: sequence, expected dials with their settings"),
        ] {
            let error = serde_json::from_str::<PolicyChange>(json).expect_err(json).to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
