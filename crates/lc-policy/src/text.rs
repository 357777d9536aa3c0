//! Settings as text: a word, or a word with an argument as in `regions(2)`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de;

use crate::suggestion::nearest_name;
use crate::{Dial, Error};

/// A setting taken apart.
pub(crate) struct Words<'a> {
    dial: Dial,
    whole: &'a str,
    /// In lower case.
    pub word: String,
    /// What stands in the brackets, if there are any.
    pub argument: Option<&'a str>,
}

impl<'a> Words<'a> {
    pub(crate) fn of(dial: Dial, whole: &'a str) -> Result<Words<'a>, Error> {
        let text = whole.trim();
        let (word, argument) = match text.split_once('(') {
            None => (text, None),
            Some((word, rest)) => match rest.strip_suffix(')') {
                Some(argument) => (word, Some(argument.trim())),
                None => return Err(wrong(dial, whole, "a bracket is not closed")),
            },
        };
        Ok(Words { dial, whole, word: word.trim().to_ascii_lowercase(), argument })
    }

    /// The error for this setting.
    pub(crate) fn wrong(&self, why: impl Into<String>) -> Error {
        wrong(self.dial, self.whole, why)
    }

    /// The error for a word that the dial does not have. `settings` are written as a person writes them.
    pub(crate) fn unknown(&self, settings: &[&str]) -> Error {
        let word_of = |setting: &str| setting.split('(').next().is_some_and(|word| word == self.word);
        if let Some(setting) = settings.iter().find(|setting| word_of(setting)) {
            return self.wrong(format!("write {setting}"));
        }
        let words = settings.iter().map(|setting| setting.split('(').next().unwrap_or_default());
        let settings_text = settings.join(", ");
        self.wrong(match nearest_name(&self.word, words) {
            Some(word) => {
                let meant = settings.iter().find(|setting| setting.starts_with(word)).unwrap_or(&word);
                format!("unknown setting; did you mean {meant}? settings: {settings_text}")
            }
            None => format!("unknown setting; settings: {settings_text}"),
        })
    }

    /// How many regions the argument says.
    pub(crate) fn regions(&self, argument: &str, who: &str) -> Result<u8, Error> {
        let example = |count: u8| format!("{}({count})", self.word);
        match argument.parse::<u64>() {
            Ok(0) => Err(self.wrong(format!("the {who} region is counted, so the least is {}", example(1)))),
            Ok(count) => u8::try_from(count).map_err(|_| self.wrong("no cluster has that many regions")),
            Err(_) => Err(self.wrong(format!("must be a whole number of regions, such as {}", example(2)))),
        }
    }
}

/// An error about a setting as it was written.
pub(crate) fn wrong(dial: Dial, text: &str, why: impl Into<String>) -> Error {
    Error::WrongSetting { dial, text: clipped(text.trim()), why: why.into() }
}

/// What came from outside, short enough and plain enough for a message.
pub(crate) fn clipped(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).map(plain).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        short.push_str("...");
    }
    short
}

/// Reads a setting that serde carries as text.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = Error>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err = Error>> de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a setting as text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

const SHOWN_CHARS_MAX: usize = 120;
