//! Who holds a write before the client hears OK.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{self, Words};
use crate::{Dial, Error};

/// The `ack` dial. Regions are counted with the deciding one. As text: `local`, `regions(2)`, `majority`, `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ack {
    /// This node's disk.
    #[default]
    Local,
    /// The disks of this many regions, the deciding one among them.
    Regions(u8),
    /// More than half of the table's regions.
    Majority,
    /// Every region of the table.
    All,
}

impl Ack {
    /// How many of `regions` must hold the write.
    pub fn needed(self, regions: usize) -> usize {
        match self {
            Ack::Local => 1,
            Ack::Regions(count) => usize::from(count),
            Ack::Majority => regions / 2 + 1,
            Ack::All => regions.max(1),
        }
    }
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ack::Local => f.write_str("local"),
            Ack::Regions(count) => write!(f, "regions({count})"),
            Ack::Majority => f.write_str("majority"),
            Ack::All => f.write_str("all"),
        }
    }
}

impl FromStr for Ack {
    type Err = Error;

    fn from_str(text: &str) -> Result<Ack, Error> {
        let words = Words::of(Dial::Ack, text)?;
        match (words.word.as_str(), words.argument) {
            ("local", None) => Ok(Ack::Local),
            ("regions", Some(count)) => words.regions(count, "deciding").map(Ack::Regions),
            ("majority", None) => Ok(Ack::Majority),
            ("all", None) => Ok(Ack::All),
            _ => Err(words.unknown(&["local", "regions(n)", "majority", "all"])),
        }
    }
}

impl Serialize for Ack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ack, D::Error> {
        text::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Ack;

    #[test]
    fn every_setting_is_read_as_it_is_printed() {
        for ack in [Ack::Local, Ack::Regions(1), Ack::Regions(2), Ack::Regions(255), Ack::Majority, Ack::All] {
            assert_eq!(ack.to_string().parse(), Ok(ack));
        }
        assert_eq!(" Regions( 3 ) ".parse(), Ok(Ack::Regions(3)));
    }

    #[test]
    fn a_wrong_setting_is_told_what_would_be_right() {
        for (text, why) in [
            ("regions(0)", "the deciding region is counted, so the least is regions(1)"),
            ("regions(two)", "must be a whole number of regions, such as regions(2)"),
            ("regions(-1)", "must be a whole number of regions, such as regions(2)"),
            ("regions(300)", "no cluster has that many regions"),
            ("regions", "write regions(n)"),
            ("regions(2", "a bracket is not closed"),
            ("local(1)", "write local"),
            ("majorty", "unknown setting; did you mean majority? settings: local, regions(n), majority, all"),
            ("region(2)", "unknown setting; did you mean regions(n)? settings: local, regions(n), majority, all"),
            ("strong", "unknown setting; settings: local, regions(n), majority, all"),
            ("", "unknown setting; settings: local, regions(n), majority, all"),
        ] {
            let error = text.parse::<Ack>().expect_err(text).to_string();
            assert_eq!(error, format!("ack={text}: {why}"));
        }
    }

    #[test]
    fn text_from_outside_is_short_and_plain_in_a_message() {
        let error = format!("loc\u{1b}[31m{}", "l".repeat(10_000)).parse::<Ack>().expect_err("no setting").to_string();
        assert!(error.len() < 400 && error.starts_with("ack=loc\u{fffd}[31ml"), "{error}");
    }

    #[test]
    fn what_is_needed_counts_the_deciding_region() {
        let needed = |ack: Ack| [1, 2, 3, 4, 5].map(|regions| ack.needed(regions));
        assert_eq!(needed(Ack::Local), [1; 5]);
        assert_eq!(needed(Ack::Regions(2)), [2; 5]);
        assert_eq!(needed(Ack::Majority), [1, 2, 2, 3, 3]);
        assert_eq!(needed(Ack::All), [1, 2, 3, 4, 5]);
    }
}
