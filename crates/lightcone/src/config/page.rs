//! The settings as text: the example file, and the page in docs/.

use std::fmt::Write;

use super::settings::{Absent, Kind, SECTIONS, SETTINGS, Section, Setting};

/// A complete node.toml: what is required stands there, everything else is commented out with its default or an example.
pub fn example() -> String {
    let mut text = "# A Lightcone node. Start it with: lightcone server --config node.toml\n".to_owned();
    text.push_str("# Relative paths start at this file. Unknown settings are refused.\n");
    for section in SECTIONS {
        push_example_section(&mut text, section);
    }
    text
}

fn push_example_section(text: &mut String, section: &Section) {
    let settings: Vec<&Setting> = SETTINGS.iter().filter(|setting| setting.section == section.name).collect();
    // A section that a node can do without is commented out as a whole if all of it may be absent or it is for development.
    let optional = section.name == "emulation";
    let _ = writeln!(text, "\n# {}", section.text);
    let comment = if optional { "# " } else { "" };
    let _ = match (section.name, section.repeated) {
        ("", _) => Ok(()),
        (name, true) => writeln!(text, "{comment}[[{name}]]"),
        (name, false) => writeln!(text, "{comment}[{name}]"),
    };
    for setting in settings {
        push_wrapped(text, "# ", setting.text);
        let required = matches!(setting.absent, Absent::Required) && !optional;
        let value = if let Absent::Default(default) = setting.absent { default } else { setting.example };
        let _ = writeln!(text, "{}{} = {value}", if required { "" } else { "# " }, setting.name);
    }
}

/// docs/configuration.md.
pub fn document() -> String {
    let mut text = DOCUMENT_HEAD.to_owned();
    for section in SECTIONS {
        let heading = match (section.name, section.repeated) {
            ("", _) => "Top of the file".to_owned(),
            (name, true) => format!("`[[{name}]]`"),
            (name, false) => format!("`[{name}]`"),
        };
        let _ = write!(
            text,
            "\n## {heading}\n\n{}\n\n| setting | value | default | meaning |\n|---|---|---|---|\n",
            section.text
        );
        for setting in SETTINGS.iter().filter(|setting| setting.section == section.name) {
            let absent = match setting.absent {
                Absent::Required => "required".to_owned(),
                Absent::Nothing => "none".to_owned(),
                Absent::Default(value) => format!("`{value}`"),
            };
            let _ = writeln!(
                text,
                "| `{}` | {} | {absent} | {} |",
                setting.name,
                values(setting.kind),
                setting.text.replace('|', "\\|")
            );
        }
    }
    text
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Whole(min, max) if max >= u64::MAX >> 1 => format!("whole number, at least {min}"),
        Kind::Whole(min, max) => format!("whole number, {min} to {max}"),
        Kind::Number(min, max) => format!("number, {min} to {max}"),
        Kind::Flag => "true or false".to_owned(),
        Kind::Label => "name".to_owned(),
        Kind::Address => "IP:PORT".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Text => "text".to_owned(),
    }
}

fn push_wrapped(text: &mut String, prefix: &str, sentence: &str) {
    let mut line = prefix.trim_end().to_owned();
    for word in sentence.split(' ') {
        if line.len() + 1 + word.len() > LINE_WIDTH {
            let _ = writeln!(text, "{line}");
            line = prefix.trim_end().to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

const LINE_WIDTH: usize = 110;
const DOCUMENT_HEAD: &str = "# Configuration

A node reads one TOML file: `lightcone server --config node.toml`. `lightcone config example` prints one with every setting
and its meaning. Relative paths start at the file. An unknown setting is refused, with the nearest right name; so is a value out
of bounds, with the bounds. Units stand in names: `_ms` milliseconds, `_us` microseconds, `_bytes` bytes.

Names (`region`, `cluster`) are 1 to 40 of `a-z`, `0-9` and `-`, not beginning or ending with `-`, because they stand in certificates.

The RESP and HTTP doors are open to this machine only, unless they have certificates and know their clients: see `listen` in
both. Secrets come from files that only their owner can read, and are never logged or shown.

This page is generated from the list in `crates/lightcone/src/config/settings.rs`; a test keeps it so (`UPDATE=1` rewrites it).
";
