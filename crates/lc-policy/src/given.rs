//! A setting as a document carries it: text, a whole number, or a list of names.

use std::fmt;

use serde::de::{self, SeqAccess};
use serde::{Deserialize, Deserializer};

use crate::text::{clipped, wrong};
use crate::{Dial, Error, Placement};

/// What stands beside a dial's name.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Given {
    Text(String),
    Number(i128),
    Names(Vec<String>),
}

impl Given {
    /// What a line of a TOML document says.
    pub(crate) fn of_toml(dial: Dial, value: toml::Value) -> Result<Given, Error> {
        let names = |items: &[toml::Value]| items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let given = match &value {
            toml::Value::String(text) => Some(Given::Text(text.clone())),
            toml::Value::Integer(number) => Some(Given::Number((*number).into())),
            toml::Value::Array(items) => Option::<Vec<String>>::map(names(items), Given::Names),
            toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
        };
        given.ok_or_else(|| wrong(dial, &value.to_string(), format!("must be {EXPECTED}")))
    }

    /// The text of a dial that has one.
    pub(crate) fn text(&self, dial: Dial) -> Result<&str, Error> {
        match self {
            Given::Text(text) => Ok(text),
            Given::Number(_) | Given::Names(_) => Err(wrong(dial, &self.to_string(), "must be text")),
        }
    }

    pub(crate) fn placement(self) -> Result<Placement, Error> {
        match self {
            Given::Text(text) => text.parse(),
            Given::Names(names) => Placement::regions(names),
            Given::Number(_) => {
                Err(wrong(Dial::Placement, &self.to_string(), "must be everywhere or a list of regions"))
            }
        }
    }

    /// A number between two bounds; words carry it as text.
    pub(crate) fn number(&self, dial: Dial, least: u64, most: u64) -> Result<u64, Error> {
        let number = match self {
            Given::Number(number) => u64::try_from(*number).ok(),
            Given::Text(text) => text.trim().parse().ok(),
            Given::Names(_) => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| wrong(dial, &self.to_string(), format!("must be a whole number from {least} to {most}")))
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Text(text) => f.write_str(&clipped(text)),
            Given::Number(number) => write!(f, "{number}"),
            Given::Names(names) => write!(f, "[{}]", clipped(&names.join(", "))),
        }
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Given, D::Error> {
        // Only formats that say what they carry hold a policy: TOML and JSON.
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> de::Visitor<'de> for Anything {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Given, E> {
        Ok(Given::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Given, E> {
        Ok(Given::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Given, E> {
        Ok(Given::Number(number.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Given, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            names.push(name);
        }
        Ok(Given::Names(names))
    }
}

const EXPECTED: &str = "text, a whole number or a list of names";
