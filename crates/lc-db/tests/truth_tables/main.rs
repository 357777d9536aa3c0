//! What concurrent commands become, row by row: every row is carried out, and printed into docs/truth-tables.md.
//!
//! `UPDATE=1 cargo nextest run -p lc-db --test truth_tables` writes the page anew; without it the page must be equal.

mod rows;

use lc_crdt::Entry;
use lc_db::testing::{Replica, merging};

use rows::{RULES, Row, TABLES, Table};

/// Whose clock is ahead when both write at once.
#[derive(Clone, Copy)]
enum Ahead {
    A,
    B,
}

#[test]
fn the_tables_in_the_docs_are_what_the_commands_do() {
    assert!(TABLES.iter().map(|table| table.rows.len()).sum::<usize>() >= 40, "a table has lost its rows");
    let page = format!("{INTRODUCTION}{}", TABLES.iter().map(print).collect::<String>());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/truth-tables.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).expect("write the page");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/truth-tables.md is not what the commands do; UPDATE=1 writes it anew");
}

fn print(table: &Table) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", table.name, table.about);
    text.push_str("| before | in region A | in region B | then every region shows |\n| --- | --- | --- | --- |\n");
    for row in table.rows {
        let (a, b) = (outcome(row, Ahead::A), outcome(row, Ahead::B));
        let shown = if a == b { a } else { format!("A's clock ahead: {a}<br>B's clock ahead: {b}") };
        text.push_str(&format!("| {} | {} | {} | {shown} |\n", code(row.before), code(row.a), code(row.b)));
    }
    text
}

fn code(lines: &[&str]) -> String {
    match lines {
        [] => "nothing".to_owned(),
        ["MULTI", queued @ .., "EXEC"] => format!("`MULTI` {} `EXEC`", code(queued)),
        _ => lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(" "),
    }
}

/// Carries a row out in regions A and B and in two more that only listen and hear of A and B in either order. All must
/// agree, to the last byte, and show the same.
fn outcome(row: &Row, ahead: Ahead) -> String {
    let tables = merging(RULES);
    let [mut a, mut b, mut hears_a_first, mut hears_b_first] =
        [1, 2, 3, 4].map(|id| Replica::new(id).under(tables.clone()));
    run(&mut a, row.before);
    for other in [&mut b, &mut hears_a_first, &mut hears_b_first] {
        other.pull(&a);
    }
    let (a_ms, b_ms) = match ahead {
        Ahead::A => (60, 40),
        Ahead::B => (40, 60),
    };
    a.now_ms += a_ms;
    b.now_ms += b_ms;
    let (of_a, of_b) = (run(&mut a, row.a), run(&mut b, row.b));
    receive(&mut a, &[&of_b]);
    receive(&mut b, &[&of_a]);
    receive(&mut hears_a_first, &[&of_a, &of_b]);
    receive(&mut hears_b_first, &[&of_b, &of_a]);
    let mut shown = Vec::new();
    let digest = a.rows.digest();
    for replica in [&mut a, &mut b, &mut hears_a_first, &mut hears_b_first] {
        replica.now_ms = 1_000_000 + 60;
        shown.push(show(replica, row.show));
        assert_eq!(replica.rows.digest(), digest, "{} || {}", row.a.join(", "), row.b.join(", "));
    }
    assert!(shown.iter().all(|other| *other == shown[0]), "{} || {}: {shown:?}", row.a.join(", "), row.b.join(", "));
    shown.swap_remove(0)
}

/// Runs lines of which none may be refused; gives what they became.
fn run(replica: &mut Replica, lines: &[&str]) -> Vec<Entry> {
    let before = replica.journal.len();
    for line in lines {
        let reply = replica.run(line);
        assert!(!reply.starts_with("ERR") && !reply.starts_with("WRONGTYPE"), "{line}: {reply}");
    }
    replica.journal[before..].to_vec()
}

fn receive(replica: &mut Replica, batches: &[&[Entry]]) {
    batches.iter().flat_map(|batch| batch.iter()).for_each(|entry| replica.receive(entry));
}

fn show(replica: &mut Replica, reads: &[&str]) -> String {
    // Replies are shown with what a terminal could not show escaped; quotes are fine on a page.
    let read = |line: &&str| format!("`{line}` → `{}`", replica.run(line).replace("\\\"", "\""));
    reads.iter().map(read).collect::<Vec<_>>().join(", ")
}

const INTRODUCTION: &str = "\
# Truth tables: what concurrent commands become

Every region takes writes at once. Two writes are *concurrent* when neither region had heard of the other's. Each row
below starts every region from the same state, runs one thing in region A and another in region B before they hear of
each other, then carries both everywhere, and shows what a client of any region reads. Regions A and B, a region that
hears of A first and one that hears of B first always agree; the order of arrival never decides.

Where the clocks decide, the row says what happens with A's clock ahead and with B's. The stamp compared is the hybrid
logical clock, then the number of the replica; clocks only ever order writes that did not see each other.

One rule runs through all tables: **a write replaces what it saw, and nothing else.** A value that was overwritten or
removed is gone in every region; a value that the other write did not know of stays.

A key belongs to the table named by what stands before its first `:`. The last sections show tables whose `merge` dial is
not `typed`; everything before them is `typed`, as every key is that belongs to no declared table.

This page is printed by `crates/lc-db/tests/truth_tables`, which carries every row out;
`UPDATE=1 cargo nextest run -p lc-db --test truth_tables` writes it anew.
";
