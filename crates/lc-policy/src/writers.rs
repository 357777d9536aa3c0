//! Where a write may be decided.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{self, Words};
use crate::{Dial, Error};

/// The `writers` dial. As text: `any`, `home`, `consensus`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Writers {
    /// In every region.
    #[default]
    Any,
    /// In the record's home region.
    Home,
    /// By a majority of regions.
    Consensus,
}

impl fmt::Display for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Writers::Any => "any",
            Writers::Home => "home",
            Writers::Consensus => "consensus",
        })
    }
}

impl FromStr for Writers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Writers, Error> {
        let words = Words::of(Dial::Writers, text)?;
        match (words.word.as_str(), words.argument) {
            ("any", None) => Ok(Writers::Any),
            ("home", None) => Ok(Writers::Home),
            ("consensus", None) => Ok(Writers::Consensus),
            _ => Err(words.unknown(&["any", "home", "consensus"])),
        }
    }
}

impl Serialize for Writers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Writers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Writers, D::Error> {
        text::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Writers;

    #[test]
    fn every_setting_is_read_as_it_is_printed() {
        for writers in [Writers::Any, Writers::Home, Writers::Consensus] {
            assert_eq!(writers.to_string().parse(), Ok(writers));
        }
    }

    #[test]
    fn a_wrong_setting_is_told_what_would_be_right() {
        for (text, why) in [
            ("consenus", "unknown setting; did you mean consensus? settings: any, home, consensus"),
            ("everyone", "unknown setting; settings: any, home, consensus"),
            ("home(us-east)", "write home"),
        ] {
            let error = text.parse::<Writers>().expect_err(text).to_string();
            assert_eq!(error, format!("writers={text}: {why}"));
        }
    }
}
