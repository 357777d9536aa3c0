//! How fresh a read must be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{self, Words};
use crate::{Dial, Error};

/// The `read` dial. As text: `eventual`, `causal`, `session`, `bounded(500ms)`, `quorum(2)`, `strong`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Read {
    /// What is here now.
    Eventual,
    /// What is here now, causes before effects; what a resumed session has seen.
    Causal,
    /// What this session has written and seen, wherever it did.
    #[default]
    Session,
    /// At most this old, ms.
    Bounded(u64),
    /// The answers of this many regions, the asked one among them, as one.
    Quorum(u8),
    /// The latest acknowledged write.
    Strong,
}

impl Read {
    /// How many of the table's regions answer, the asked one among them.
    pub fn answers(self) -> usize {
        match self {
            Read::Quorum(regions) => usize::from(regions),
            Read::Eventual | Read::Causal | Read::Session | Read::Bounded(_) | Read::Strong => 1,
        }
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Read::Eventual => f.write_str("eventual"),
            Read::Causal => f.write_str("causal"),
            Read::Session => f.write_str("session"),
            Read::Bounded(ms) => match UNITS.iter().find(|(_, unit)| *ms > 0 && ms.is_multiple_of(*unit)) {
                Some((name, unit)) => write!(f, "bounded({}{name})", ms / unit),
                None => write!(f, "bounded({ms}ms)"),
            },
            Read::Quorum(regions) => write!(f, "quorum({regions})"),
            Read::Strong => f.write_str("strong"),
        }
    }
}

impl FromStr for Read {
    type Err = Error;

    fn from_str(text: &str) -> Result<Read, Error> {
        let words = Words::of(Dial::Read, text)?;
        match (words.word.as_str(), words.argument) {
            ("eventual", None) => Ok(Read::Eventual),
            ("causal", None) => Ok(Read::Causal),
            ("session", None) => Ok(Read::Session),
            ("bounded", Some(time)) => bound(&words, time).map(Read::Bounded),
            ("quorum", Some(count)) => words.regions(count, "asked").map(Read::Quorum),
            ("strong", None) => Ok(Read::Strong),
            _ => Err(words.unknown(&["eventual", "causal", "session", "bounded(500ms)", "quorum(n)", "strong"])),
        }
    }
}

fn bound(words: &Words<'_>, time: &str) -> Result<u64, Error> {
    let digits = time.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = time.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    if number.is_empty() {
        return Err(
            words.wrong("must be a whole number with a unit, such as bounded(500ms), bounded(5s) or bounded(1m)")
        );
    }
    if unit.is_empty() {
        return Err(
            words.wrong(format!("without a unit: write bounded({number}ms), bounded({number}s) or bounded({number}m)"))
        );
    }
    let Some((_, unit_ms)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(words.wrong("must be a whole number with one of the units ms, s and m, such as bounded(500ms)"));
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms)) {
        Some(0) => {
            Err(words
                .wrong("news takes time, so the least is bounded(1ms); for what was just acknowledged use quorum(n)"))
        }
        Some(ms) if ms <= BOUND_MS_MAX => Ok(ms),
        _ => {
            Err(words
                .wrong(format!("at most {}; without a bound that matters use session", Read::Bounded(BOUND_MS_MAX))))
        }
    }
}

impl Serialize for Read {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        text::deserialize(deserializer)
    }
}

/// Units of a bound in ms, the largest first.
const UNITS: [(&str, u64); 3] = [("m", 60_000), ("s", 1000), ("ms", 1)];
/// A week: whoever accepts that much accepts anything, and sums of such times cannot overflow anywhere.
pub(crate) const BOUND_MS_MAX: u64 = 7 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::{BOUND_MS_MAX, Read};

    #[test]
    fn every_setting_is_read_as_it_is_printed() {
        let bounded = [1, 500, 1000, 1500, 60_000, 90_000, BOUND_MS_MAX].map(Read::Bounded);
        let others = [Read::Eventual, Read::Causal, Read::Session, Read::Quorum(1), Read::Quorum(255), Read::Strong];
        for read in bounded.into_iter().chain(others) {
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        for (text, ms) in
            [("bounded(500ms)", 500), ("bounded(5s)", 5000), ("bounded(2m)", 120_000), ("bounded(500 MS)", 500)]
        {
            assert_eq!(text.parse(), Ok(Read::Bounded(ms)));
        }
    }

    #[test]
    fn a_wrong_setting_is_told_what_would_be_right() {
        for (text, why) in [
            ("quorum(0)", "the asked region is counted, so the least is quorum(1)"),
            ("quorum()", "must be a whole number of regions, such as quorum(2)"),
            ("quorum", "write quorum(n)"),
            ("bounded", "write bounded(500ms)"),
            ("bounded(500)", "without a unit: write bounded(500ms), bounded(500s) or bounded(500m)"),
            (
                "bounded(0s)",
                "news takes time, so the least is bounded(1ms); for what was just acknowledged use quorum(n)",
            ),
            ("bounded(ms)", "must be a whole number with a unit, such as bounded(500ms), bounded(5s) or bounded(1m)"),
            ("bounded(1.5s)", "must be a whole number with one of the units ms, s and m, such as bounded(500ms)"),
            ("bounded(99999999999999999999m)", "at most bounded(10080m); without a bound that matters use session"),
            ("bounded(18446744073709551615m)", "at most bounded(10080m); without a bound that matters use session"),
            (
                "sesion",
                "unknown setting; did you mean session? settings: eventual, causal, session, bounded(500ms), quorum(n), strong",
            ),
        ] {
            let error = text.parse::<Read>().expect_err(text).to_string();
            assert_eq!(error, format!("read={text}: {why}"));
        }
    }
}
