//! Rules as text.

use std::fmt;

use super::{JsonRules, Rule};

pub(super) fn parse(text: &str) -> Result<JsonRules, String> {
    let mut reader = Reader { text, at: 0, declared: Vec::new() };
    reader.rules(&[], None)?;
    let mut declared = reader.declared;
    // Shorter paths first, so that a rule for an array is there before those for its elements, in whatever order written.
    declared.sort_by_key(|one| one.path.len());
    let mut rules = JsonRules::default();
    declared.into_iter().try_for_each(|one| insert(&mut rules, one, text))?;
    Ok(rules)
}

pub(super) fn write(rules: &JsonRules, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write_below(rules, "", &mut true, f)
}

fn write_below(rules: &JsonRules, prefix: &str, first: &mut bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (name, rule) in &rules.fields {
        if let Rule::Object(below) = rule {
            write_below(below, &format!("{prefix}{name}."), first, f)?;
            continue;
        }
        let comma = if std::mem::take(first) { "" } else { ", " };
        write!(f, "{comma}{prefix}{name}: {}", rule.name())?;
        if let Rule::UnionBy { by, below } = rule {
            write!(f, " by {by}")?;
            if !below.fields.is_empty() {
                write!(f, " ({below})")?;
            }
        }
    }
    Ok(())
}

impl Rule {
    fn name(&self) -> &'static str {
        match self {
            Rule::Lww => "lww",
            Rule::Max => "max",
            Rule::Min => "min",
            Rule::Union | Rule::UnionBy { .. } => "union",
            Rule::Object(_) => "fields",
        }
    }
}

/// One rule, where it was read, and what for.
struct Declared {
    at: usize,
    path: Vec<String>,
    rule: Rule,
}

fn insert(rules: &mut JsonRules, declared: Declared, text: &str) -> Result<(), String> {
    let Declared { at, path, rule } = declared;
    let whole = path.join(".");
    let wrong = |why: String| Err(message(text, at, &whole, &why));
    let mut fields = &mut rules.fields;
    for (depth, name) in path[..path.len() - 1].iter().enumerate() {
        let parent = path[..=depth].join(".");
        let next = &path[depth + 1];
        match fields.entry(name.clone()).or_insert_with(|| Rule::Object(JsonRules::default())) {
            Rule::UnionBy { by, .. } if by == next => {
                return wrong(format!(
                    "elements of {parent} are matched by {by}, so it cannot have a rule; leave it out"
                ));
            }
            Rule::UnionBy { below, .. } | Rule::Object(below) => fields = &mut below.fields,
            Rule::Union => {
                return wrong(format!(
                    "{parent} is a plain union; write `{parent}: union by FIELD` to merge its elements"
                ));
            }
            other => {
                let name = other.name();
                return wrong(format!(
                    "{parent} is decided as a whole by {name}; leave out this rule or `{parent}: {name}`"
                ));
            }
        }
    }
    let name = &path[path.len() - 1];
    if fields.contains_key(name) {
        return wrong("there are two rules for this path; leave one out".to_owned());
    }
    fields.insert(name.clone(), rule);
    Ok(())
}

/// Reads from left to right, collecting what is declared.
struct Reader<'a> {
    text: &'a str,
    /// In bytes; always between characters.
    at: usize,
    declared: Vec<Declared>,
}

impl<'a> Reader<'a> {
    /// Rules up to the end, or to the parenthesis that closes the one opened at `opened`.
    fn rules(&mut self, prefix: &[String], opened: Option<usize>) -> Result<(), String> {
        loop {
            self.rule(prefix)?;
            self.skip_blanks();
            let at = self.at;
            match (self.next(), opened) {
                (Some(','), _) => {}
                (Some(')'), Some(_)) | (None, None) => return Ok(()),
                (None, Some(opened)) => {
                    return Err(message(
                        self.text,
                        opened,
                        &prefix.join("."),
                        "this ( is not closed; write ) after the last rule",
                    ));
                }
                (Some('('), _) => {
                    let why = "rules in parentheses follow `union by FIELD` only";
                    return Err(message(self.text, at, &prefix.join("."), why));
                }
                (Some(other), _) => {
                    let why = format!("`{other}` is not expected; rules are separated by commas");
                    return Err(message(self.text, at, &prefix.join("."), &why));
                }
            }
        }
    }

    fn rule(&mut self, prefix: &[String]) -> Result<(), String> {
        self.skip_blanks();
        let (text, at) = (self.text, self.at);
        let written = self.word();
        let path: Vec<String> = prefix.iter().cloned().chain(written.split('.').map(str::to_owned)).collect();
        let whole = path.join(".");
        let wrong = |at: usize, why: &str| Err(message(text, at, &whole, why));
        if written.is_empty() {
            let quoted = text[at..].starts_with(['"', '\'', '`']);
            let without =
                "names are written without quotes, and cannot hold blanks, dots, colons, commas or parentheses";
            return wrong(at, if quoted { without } else { "a rule such as `qty: max` is missing" });
        }
        if path.iter().any(String::is_empty) {
            return wrong(
                at,
                "there is nothing before, after or between its dots; write field names with one dot between them",
            );
        }
        if path.len() > DEPTH_MAX {
            return wrong(at, &format!("it is {} names deep; {DEPTH_MAX} is the most", path.len()));
        }
        if self.declared.len() == RULES_MAX {
            return wrong(at, &format!("there are more than {RULES_MAX} rules"));
        }
        self.skip_blanks();
        if self.next() != Some(':') {
            return wrong(
                at + written.len(),
                &format!("a colon is missing; write `{written}: RULE`, where RULE is {RULES}"),
            );
        }
        self.skip_blanks();
        let rule_at = self.at;
        let rule = match self.word() {
            "lww" => Rule::Lww,
            "max" => Rule::Max,
            "min" => Rule::Min,
            "union" => return self.union(at, path),
            "sum" => {
                return wrong(
                    rule_at,
                    &format!(
                        "there is no rule sum: two documents that grew from one would count it twice. Keep a counter in a key of its own; rules are {RULES}"
                    ),
                );
            }
            other => return wrong(rule_at, &format!("`{other}` is not a rule; rules are {RULES}")),
        };
        self.declared.push(Declared { at, path, rule });
        Ok(())
    }

    /// What may follow `union`.
    fn union(&mut self, at: usize, path: Vec<String>) -> Result<(), String> {
        self.skip_blanks();
        let by_at = self.at;
        if self.word() != "by" {
            self.at = by_at;
            self.declared.push(Declared { at, path, rule: Rule::Union });
            return Ok(());
        }
        self.skip_blanks();
        let field_at = self.at;
        let by = self.word().to_owned();
        let whole = path.join(".");
        if by.is_empty() || by.contains('.') {
            let why = "after `union by` stands one field name of the array's objects, such as `union by sku`";
            return Err(message(self.text, field_at, &whole, why));
        }
        self.declared.push(Declared {
            at,
            path: path.clone(),
            rule: Rule::UnionBy { by, below: JsonRules::default() },
        });
        self.skip_blanks();
        let opened = self.at;
        if self.text[self.at..].starts_with('(') {
            self.at += 1;
            self.rules(&path, Some(opened))?;
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let next = self.text[self.at..].chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_blanks(&mut self) {
        let left = &self.text[self.at..];
        self.at += left.len() - left.trim_start().len();
    }

    /// All up to a blank or to a character that separates; may be empty.
    fn word(&mut self) -> &'a str {
        let left = &self.text[self.at..];
        let end =
            left.find(|c: char| c.is_whitespace() || c.is_control() || ",:()\"'`".contains(c)).unwrap_or(left.len());
        self.at += end;
        &left[..end]
    }
}

/// Positions count characters from 1.
fn message(text: &str, at: usize, path: &str, why: &str) -> String {
    let position = text[..at].chars().count() + 1;
    match path {
        "" => format!("at character {position}: {why}"),
        path => format!("at character {position}, path `{path}`: {why}"),
    }
}

const RULES: &str = "lww, max, min, union and union by FIELD";
const RULES_MAX: usize = 64;
const DEPTH_MAX: usize = 16;
