//! The names of the dials, and of the bounds that stand beside them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Error;
use crate::suggestion::suggestion;
use crate::text::clipped;

/// One key of a policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dial {
    /// Where a write may be decided.
    Writers,
    /// Who holds it before the client hears OK.
    Ack,
    /// What concurrent writes become.
    Merge,
    /// Where the bytes may be.
    Placement,
    /// How fresh a read must be.
    Read,
    /// Conflict ledger: bytes kept.
    LedgerBytesMax,
    /// Conflict ledger: age kept, s.
    LedgerAgeMaxS,
    /// How long a write waits for other regions, ms.
    AckTimeoutMs,
    /// How long a read waits for other regions, ms.
    WaitMs,
}

impl Dial {
    /// The five dials, then the bounds.
    pub const ALL: [Dial; 9] = [
        Dial::Writers,
        Dial::Ack,
        Dial::Merge,
        Dial::Placement,
        Dial::Read,
        Dial::LedgerBytesMax,
        Dial::LedgerAgeMaxS,
        Dial::AckTimeoutMs,
        Dial::WaitMs,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Dial::Writers => "writers",
            Dial::Ack => "ack",
            Dial::Merge => "merge",
            Dial::Placement => "placement",
            Dial::Read => "read",
            Dial::LedgerBytesMax => "ledger_bytes_max",
            Dial::LedgerAgeMaxS => "ledger_age_max_s",
            Dial::AckTimeoutMs => "ack_timeout_ms",
            Dial::WaitMs => "wait_ms",
        }
    }

    /// All names, for a message.
    pub fn names() -> String {
        Dial::ALL.map(Dial::name).join(", ")
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dial {
    type Err = Error;

    fn from_str(text: &str) -> Result<Dial, Error> {
        let known = Dial::ALL.into_iter().find(|dial| dial.name() == text);
        known.ok_or_else(|| Error::UnknownDial {
            name: clipped(text),
            suggestion: suggestion(text, Dial::ALL.map(Dial::name)),
        })
    }
}

impl Serialize for Dial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Dial;

    #[test]
    fn every_name_is_read_as_it_is_printed() {
        for dial in Dial::ALL {
            assert_eq!(dial.to_string().parse::<Dial>().expect("its own name"), dial);
        }
    }

    #[test]
    fn an_unknown_dial_is_told_the_right_ones() {
        let error = "wirters".parse::<Dial>().expect_err("a slip").to_string();
        assert_eq!(
            error,
            "unknown dial 'wirters'; did you mean 'writers'? dials: writers, ack, merge, placement, read, \
             ledger_bytes_max, ledger_age_max_s, ack_timeout_ms, wait_ms"
        );
        let error = "shards".parse::<Dial>().expect_err("unknown").to_string();
        assert!(error.starts_with("unknown dial 'shards'; dials: writers, "), "{error}");
    }
}
