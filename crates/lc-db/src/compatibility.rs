//! The compatibility page: every command offered, what concurrent uses become, and what is left out, and why.

use std::fmt::Write;

use crate::catalogue::{Command, Group};
use crate::commands::{COMMANDS, NOT_OFFERED};

/// Renders `docs/compatibility.md` from the catalogue.
pub fn compatibility_page() -> String {
    let mut page = INTRODUCTION.replace("COUNT", &COMMANDS.len().to_string());
    for group in Group::ALL {
        push_group(&mut page, group);
    }
    page.push_str(LEFT_OUT);
    for (names, why) in NOT_OFFERED {
        let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.to_ascii_uppercase())).collect();
        push_row(&mut page, &[&names.join(" "), why]);
    }
    page
}

fn push_group(page: &mut String, group: Group) {
    let mut commands: Vec<&Command> = COMMANDS.iter().copied().filter(|command| command.group == group).collect();
    if commands.is_empty() {
        return;
    }
    commands.sort_by_key(|command| command.name);
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## {}\n\n", capitalised(group.name()));
    let merges = commands.iter().any(|command| !command.concurrent.is_empty());
    let headings = ["command", "arguments", "what it does", "what concurrent uses in several regions become"];
    let columns = if merges { 4 } else { 3 };
    push_row(page, &headings[..columns]);
    push_row(page, &["---"; 4][..columns]);
    for command in commands {
        let syntax = if command.syntax.is_empty() { String::new() } else { format!("`{}`", command.syntax) };
        let name = format!("`{}`", command.name.to_ascii_uppercase());
        push_row(page, &[name.as_str(), &syntax, command.summary, command.concurrent][..columns]);
    }
}

fn push_row(page: &mut String, cells: &[&str]) {
    for cell in cells {
        page.push('|');
        if !cell.is_empty() {
            // A bar would start another cell, even between backticks.
            let _ = write!(page, " {} ", cell.replace('|', "\\|"));
        }
    }
    page.push_str("|\n");
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_ascii_uppercase() + rest
}

const INTRODUCTION: &str = "\
# Compatibility with Redis

Lightcone speaks RESP2 and RESP3 and offers the COUNT commands below as Redis 7 does: within one region a client sees
the same replies, error texts and edge cases. Every region takes writes at once; the last column says what commands that
ran in several regions, before these had heard of each other, become once they have. A command that is not offered
answers an error that says so.

This page is generated from the catalogue in `crates/lc-db/src/commands.rs`, and a test keeps it equal;
`UPDATE=1 cargo nextest run -p lc-db compatibility` writes it anew.
";

const LEFT_OUT: &str = "
## Not offered

| commands | why |
| --- | --- |
";

#[cfg(test)]
mod tests {
    use super::compatibility_page;

    #[test]
    fn the_page_in_the_docs_is_the_one_that_the_catalogue_gives() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
        let page = compatibility_page();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &page).expect("write the page");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page, "docs/compatibility.md is not what the catalogue gives; UPDATE=1 writes it anew");
    }
}
