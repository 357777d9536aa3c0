//! `--name NUMBER` pairs; every option of this program is a number.

use std::collections::BTreeMap;

use crate::Failure;

/// The numbers given on the command line.
pub struct Options(BTreeMap<String, u64>);

impl Options {
    /// Refuses anything that is not a `--name NUMBER` pair.
    pub fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut numbers = BTreeMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a number", pair[0]).into()) };
            let name = name.strip_prefix("--").ok_or_else(|| format!("`{name}` is not an option"))?;
            numbers.insert(name.to_owned(), value.parse().map_err(|_| format!("--{name} needs a number"))?);
        }
        Ok(Self(numbers))
    }

    /// An option that must be there.
    pub fn needed(&self, name: &str) -> Result<u64, Failure> {
        self.0.get(name).copied().ok_or_else(|| format!("--{name} is missing").into())
    }

    /// A port that must be there.
    pub fn port(&self, name: &str) -> Result<u16, Failure> {
        Ok(u16::try_from(self.needed(name)?)?)
    }
}
