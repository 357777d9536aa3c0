//! Values out of a parsed file, each checked against its setting.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use toml::{Table, Value};

use super::Error;
use super::settings::{Absent, Kind, SECTIONS, SETTINGS, Setting, find};
use crate::names::suggestion;

/// A parsed file whose every key exists.
pub struct File {
    path: PathBuf,
    table: Table,
}

/// One section of it.
pub struct Reading<'a> {
    file: &'a File,
    section: &'static str,
    /// Which of several, as messages show it: `peers[1]`.
    label: String,
    table: &'a Table,
}

impl File {
    /// Parses `text` and refuses every key that is not a setting.
    pub fn parse(path: &Path, text: &str) -> Result<File, Error> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| Error::Syntax {
            file: path.to_owned(),
            what: error.to_string().trim_end().to_owned(),
        })?;
        let file = File { path: path.to_owned(), table };
        file.check_names()?;
        Ok(file)
    }

    /// The top of the file, or a section that is there once; empty if it is absent.
    pub fn section(&self, name: &'static str) -> Reading<'_> {
        static NONE: LazyLock<Table> = LazyLock::new(Table::new);
        let table = match name {
            "" => &self.table,
            name => self.table.get(name).and_then(Value::as_table).unwrap_or(&NONE),
        };
        Reading { file: self, section: name, label: name.to_owned(), table }
    }

    /// The sections of a name that there may be several of.
    pub fn sections(&self, name: &'static str) -> Vec<Reading<'_>> {
        let tables = self.table.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
        tables
            .enumerate()
            .map(|(at, table)| Reading { file: self, section: name, label: format!("{name}[{at}]"), table })
            .collect()
    }

    fn check_names(&self) -> Result<(), Error> {
        for (key, value) in &self.table {
            match SECTIONS.iter().find(|section| !section.name.is_empty() && section.name == key) {
                Some(section) if section.repeated => self.check_list(section.name, value)?,
                Some(section) => self.check_section(section.name, value.as_table(), value)?,
                None if find("", key).is_some() => {}
                None => return Err(self.unknown("", key)),
            }
        }
        Ok(())
    }

    fn check_list(&self, section: &'static str, value: &Value) -> Result<(), Error> {
        let list =
            value.as_array().ok_or_else(|| self.not_a_section(section, value, &format!("sections [[{section}]]")))?;
        list.iter().try_for_each(|value| self.check_section(section, value.as_table(), value))
    }

    fn check_section(&self, section: &'static str, table: Option<&Table>, value: &Value) -> Result<(), Error> {
        let table = table.ok_or_else(|| self.not_a_section(section, value, &format!("a section [{section}]")))?;
        match table.keys().find(|key| find(section, key).is_none()) {
            Some(key) => Err(self.unknown(section, key)),
            None => Ok(()),
        }
    }

    fn not_a_section(&self, section: &str, value: &Value, right: &str) -> Error {
        Error::Value {
            file: self.path.clone(),
            key: section.to_owned(),
            value: value.to_string(),
            right: right.to_owned(),
        }
    }

    /// The nearest name of the same section; or the section where the very name is at home.
    fn unknown(&self, section: &str, key: &str) -> Error {
        let here = SETTINGS.iter().filter(|setting| setting.section == section).map(|setting| setting.name);
        let sections =
            SECTIONS.iter().map(|section| section.name).filter(|name| section.is_empty() && !name.is_empty());
        let mut suggestion = suggestion(key, here.chain(sections));
        if suggestion.is_empty()
            && let Some(elsewhere) = SETTINGS.iter().find(|setting| setting.name == key)
        {
            suggestion = format!("; it belongs to [{}]", elsewhere.section);
        }
        let key = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        Error::Unknown { file: self.path.clone(), key, suggestion }
    }
}

impl Reading<'_> {
    /// A whole number.
    pub fn whole(&self, name: &str) -> Result<u64, Error> {
        self.required(name).map(|value| as_whole(&value))
    }

    /// A whole number that may be absent.
    pub fn whole_if_any(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(self.value(name)?.map(|value| as_whole(&value)))
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<f64, Error> {
        self.required(name).map(|value| as_number(&value).expect("checked against its kind"))
    }

    /// A number that may be absent.
    pub fn number_if_any(&self, name: &str) -> Result<Option<f64>, Error> {
        Ok(self.value(name)?.map(|value| as_number(&value).expect("checked against its kind")))
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        self.required(name).map(|value| value.as_bool().expect("checked against its kind"))
    }

    /// A label or free text.
    pub fn text(&self, name: &str) -> Result<String, Error> {
        self.required(name).map(|value| value.as_str().expect("checked against its kind").to_owned())
    }

    /// Free text that may be absent.
    pub fn text_if_any(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.value(name)?.map(|value| value.as_str().expect("checked against its kind").to_owned()))
    }

    /// An address.
    pub fn address(&self, name: &str) -> Result<SocketAddr, Error> {
        self.text(name).map(|text| text.parse().expect("checked against its kind"))
    }

    /// A path, from the configuration file on.
    pub fn path(&self, name: &str) -> Result<PathBuf, Error> {
        self.text(name).map(|text| self.beside_file(&text))
    }

    /// An address, if it is given.
    pub fn address_if_any(&self, name: &str) -> Result<Option<SocketAddr>, Error> {
        match self.value(name)? {
            Some(_) => self.address(name).map(Some),
            None => Ok(None),
        }
    }

    /// A path that may be absent.
    pub fn path_if_any(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let value = self.value(name)?;
        Ok(value.map(|value| self.beside_file(value.as_str().expect("checked against its kind"))))
    }

    /// An error for settings that do not go together, about this one.
    pub fn together(&self, name: &str, what: impl Into<String>) -> Error {
        let shown = match self.value(name) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) | Err(_) => "(not given)".to_owned(),
        };
        Error::Together { file: self.file.path.clone(), key: self.key(name), value: shown, what: what.into() }
    }

    /// An error for a file named by this setting.
    pub fn unreadable(&self, name: &str, file: PathBuf, source: std::io::Error) -> Error {
        Error::Read {
            file: self.file.path.clone(),
            key: format!("{} = \"{}\": ", self.key(name), file.display()),
            source,
        }
    }

    fn beside_file(&self, text: &str) -> PathBuf {
        self.file.path.parent().unwrap_or(Path::new("")).join(text)
    }

    fn key(&self, name: &str) -> String {
        if self.label.is_empty() { name.to_owned() } else { format!("{}.{name}", self.label) }
    }

    fn required(&self, name: &str) -> Result<Value, Error> {
        self.value(name)?.ok_or_else(|| {
            let setting = self.setting(name);
            let place = match SECTIONS.iter().find(|section| section.name == self.section) {
                Some(section) if section.repeated => format!(" to each [[{}]]", section.name),
                Some(section) if !section.name.is_empty() => format!(" to [{}]", section.name),
                _ => String::new(),
            };
            let example = format!("{name} = {}{place}", setting.example);
            Error::Missing { file: self.file.path.clone(), key: self.key(name), example }
        })
    }

    /// The value, checked; its default if it is not given.
    fn value(&self, name: &str) -> Result<Option<Value>, Error> {
        let setting = self.setting(name);
        let value = match (self.table.get(name), setting.absent) {
            (Some(value), _) => value.clone(),
            (None, Absent::Default(text)) => literal(text),
            (None, Absent::Required | Absent::Nothing) => return Ok(None),
        };
        match fits(&value, setting.kind) {
            true => Ok(Some(value)),
            false => Err(Error::Value {
                file: self.file.path.clone(),
                key: self.key(name),
                value: value.to_string(),
                right: setting.kind.right(),
            }),
        }
    }

    fn setting(&self, name: &str) -> &'static Setting {
        find(self.section, name).expect("only settings of the list are read")
    }
}

/// A TOML value out of the list of settings.
pub fn literal(text: &str) -> Value {
    let table: Table = format!("v = {text}").parse().expect("the list holds TOML; a test reads it all");
    table["v"].clone()
}

/// Whether a value is of the kind and within its bounds.
pub fn fits(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Whole(min, max) => {
            value.as_integer().is_some_and(|value| u64::try_from(value).is_ok_and(|value| (min..=max).contains(&value)))
        }
        Kind::Number(min, max) => as_number(value).is_some_and(|value| (min..=max).contains(&value)),
        Kind::Flag => value.is_bool(),
        Kind::Label => value.as_str().is_some_and(is_label),
        Kind::Address => value.as_str().is_some_and(|text| text.parse::<SocketAddr>().is_ok()),
        Kind::Path => value.as_str().is_some_and(|text| !text.is_empty()),
        Kind::Text => value.is_str(),
    }
}

/// A name that can stand in a certificate.
pub fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn as_whole(value: &Value) -> u64 {
    value.as_integer().and_then(|value| u64::try_from(value).ok()).expect("checked against its kind")
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}
