//! The manners of `house-style.md` that a machine judges well. Clippy knows the others.

mod functions;
mod masked;

use std::path::Path;

use crate::workspace;

/// A line of a file that breaks a rule.
type Finding = String;

/// Longer than a screen, and a reader loses the thread.
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about what is inside.
const EMPTY_WORDS: &[&str] = &["manager", "helper", "helpers", "util", "utils", "common", "misc", "v2"];

/// What the card on each door answers.
const CARD: &[&str] = &["//! In:", "//! Out:", "//! Never:", "//! Proof:", "//! Start:"];

/// Judges every source. Returns how many files were read.
pub fn check() -> Result<usize, Vec<Finding>> {
    let sources = workspace::rust_sources();
    let findings: Vec<Finding> = sources.iter().flat_map(|path| judge_file(path)).collect();
    if findings.is_empty() { Ok(sources.len()) } else { Err(findings) }
}

fn judge_file(path: &Path) -> Vec<Finding> {
    let name = workspace::shown(path);
    let Ok(text) = std::fs::read_to_string(path) else {
        return vec![format!("{name}: cannot be read as text")];
    };
    judge(&name, &text)
}

/// All rules on one file; `name` is its path from the root.
fn judge(name: &str, text: &str) -> Vec<Finding> {
    let code = masked::code_only(text);
    let mut findings = Vec::new();
    findings.extend(file_name(name));
    findings.extend(door_card(name, text));
    findings.extend(functions::longer_than(FUNCTION_LINES_MAX, &code).into_iter().map(|(line, function, lines)| {
        format!("{name}:{line}: `{function}` has {lines} lines, {FUNCTION_LINES_MAX} are allowed")
    }));
    for (index, line) in code.lines().enumerate() {
        findings.extend(judge_line(line).map(|what| format!("{name}:{}: {what}", index + 1)));
    }
    findings
}

fn file_name(name: &str) -> Option<Finding> {
    let path = Path::new(name);
    if path.ends_with("mod.rs") {
        return Some(format!("{name}: write `foo.rs` beside `foo/` instead of `mod.rs`"));
    }
    let empty = path.components().filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
    let empty = empty.flat_map(|stem| stem.split(['_', '-'])).find(|word| EMPTY_WORDS.contains(word))?;
    Some(format!("{name}: `{empty}` does not say what is inside"))
}

fn door_card(name: &str, text: &str) -> Option<Finding> {
    if !(name.starts_with("crates/") && name.ends_with("/src/lib.rs")) {
        return None;
    }
    let card: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let missing: Vec<&str> =
        CARD.iter().copied().filter(|part| !card.iter().any(|line| line.starts_with(part))).collect();
    (!missing.is_empty()).then(|| format!("{name}: the card on the door lacks {}", missing.join(", ")))
}

fn judge_line(line: &str) -> Option<String> {
    let code = line.trim();
    if (code.starts_with("use ") || code.starts_with("pub use ")) && (code.contains("::*;") || code.contains("::*}")) {
        return Some("a glob import hides where a name comes from".to_owned());
    }
    if code == "#[ignore]" {
        return Some("an ignored test says why: #[ignore = \"…\"]".to_owned());
    }
    if code.contains("unbounded_channel(") || code.contains("mpsc::channel()") {
        return Some("a queue without a bound".to_owned());
    }
    let declared = declared_name(code)?;
    let empty = words_of(declared).into_iter().find(|word| EMPTY_WORDS.contains(&word.as_str()))?;
    (empty != "common" || !code.contains("fn ")).then(|| format!("`{declared}`: `{empty}` does not say what it is"))
}

/// The name that a line declares, if it declares a type, a trait, a module or a function.
fn declared_name(code: &str) -> Option<&str> {
    let mut words = code.split_whitespace();
    words.by_ref().find(|word| matches!(*word, "struct" | "enum" | "trait" | "mod" | "type" | "fn"))?;
    let name = words.next()?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    Some(&name[..end])
}

/// `LinkManager` and `link_manager` are both "link", "manager".
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("never empty").extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_clean_file_has_no_findings() {
        assert_eq!(
            judge("crates/lc-x/src/a.rs", "//! A thing.\nuse std::io::{self, Read};\nfn common_prefix() {}\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_glob_import_is_found_and_one_in_a_string_is_not() {
        assert_eq!(judge("a.rs", "use std::io::*;\n").len(), 1);
        assert_eq!(judge("a.rs", "const A: &str = \"\nuse std::io::*;\n\";\n").len(), 0);
    }

    #[test]
    fn empty_names_are_found_in_types_and_files() {
        assert_eq!(judge("a.rs", "pub struct LinkManager;\n").len(), 1);
        assert_eq!(judge("crates/lc-x/src/utils.rs", "").len(), 1);
        assert_eq!(judge("crates/lc-x/src/a/mod.rs", "").len(), 1);
    }

    #[test]
    fn a_door_without_a_card_is_found() {
        let card = "//! X.\n//!\n//! In:    a\n//! Out:   b\n//! Never: c\n//! Proof: d\n//! Start: e\n";
        assert_eq!(judge("crates/lc-x/src/lib.rs", card).len(), 0);
        assert_eq!(judge("crates/lc-x/src/lib.rs", "//! X.\n").len(), 1);
    }

    #[test]
    fn a_long_function_is_found() {
        let long = format!("fn long() {{\n{}}}\n", "    work();\n".repeat(80));
        assert_eq!(judge("a.rs", &long), ["a.rs:1: `long` has 82 lines, 70 are allowed"]);
    }
}
