use clap::Parser;
use serde_json::{Value, json};

use super::ledger_page::Ledger;
use super::{Rows, newest, restore, show};
use crate::cli::{Cli, Command, ConflictsAction, ConflictsOptions};
use crate::node_door::NodeDoor;
use crate::test_door::{TestDoor, problem};

fn options(words: &[&str]) -> ConflictsOptions {
    match Cli::try_parse_from(["lightcone", "conflicts"].iter().chain(words)).expect("right options").command {
        Command::Conflicts(options) => options,
        other => panic!("{other:?}"),
    }
}

fn loss(number: u64) -> Value {
    json!({
        "id": format!("1-{number}-9f3a77c1"), "cursor": number, "table": "carts", "key": format!("carts:{number}"),
        "kind": "string", "field": null, "rule": "lww", "clock_gap_ms": 12, "noted_ms": 1_234_567_890_000_u64 + number,
        "winner": { "dot": "2:7", "region": "eu-west", "at_ms": 1_234_567_890_012_u64, "value": "two apples and a very long rest", "value_bytes": 31 },
        "loser": { "dot": format!("1:{number}"), "region": null, "replica": "r1", "at_ms": 1_234_567_890_000_u64, "value": { "base64": "/w==" }, "value_bytes": 1 },
    })
}

/// A ledger of five losses in pages of two.
async fn node() -> (TestDoor, NodeDoor) {
    let door = TestDoor::open(|question, _| {
        if question == "POST /v1/conflicts/1-3-9f3a77c1/restore" {
            return (200, json!({ "id": "1-3-9f3a77c1", "key": "carts:3", "field": null }));
        }
        let Some((_, query)) = question.split_once("GET /v1/conflicts?") else {
            return problem(404, "not_found", "no conflict of this id is kept");
        };
        let after =
            query.split('&').find_map(|part| part.strip_prefix("after=")).map_or(0, |text| text.parse().expect("ours"));
        let losses: Vec<Value> = (after + 1..=5).take(2).map(loss).collect();
        let next = losses.last().filter(|loss| loss["cursor"] != 5).map(|loss| loss["cursor"].to_string());
        (200, json!({ "conflicts": losses, "next": next }))
    })
    .await;
    let words = ["--at", &door.url()].map(str::to_owned);
    let asked = NodeDoor::open(&options(&[&words[0], &words[1]]).door).expect("a right URL");
    (door, asked)
}

#[tokio::test]
async fn the_newest_losses_are_listed_and_later_ones_follow() {
    let (door, asked) = node().await;
    let mut ledger = Ledger::new(&asked, Some("carts"));
    let losses = newest(&mut ledger, 3).await.expect("losses");
    assert_eq!(losses, [loss(3), loss(4), loss(5)]);
    assert_eq!(ledger.rest().await.expect("nothing new"), Vec::<Value>::new());
    let questions: Vec<String> = door.asked().into_iter().map(|(question, _)| question).collect();
    assert_eq!(
        questions[..2],
        ["GET /v1/conflicts?limit=200&table=carts", "GET /v1/conflicts?limit=200&table=carts&after=2"]
    );
    assert_eq!(questions.len(), 4);
    assert_eq!(questions[3], "GET /v1/conflicts?limit=200&table=carts&after=5");
}

#[tokio::test]
async fn a_ledger_whose_cursor_stands_still_does_not_go_round() {
    let door = TestDoor::open(|_, _| (200, json!({ "conflicts": [loss(1)], "next": "1" }))).await;
    let words = ["--at".to_owned(), door.url()];
    let asked = NodeDoor::open(&options(&[&words[0], &words[1]]).door).expect("a right URL");
    let error = newest(&mut Ledger::new(&asked, None), 10).await.expect_err("a broken node").to_string();
    assert!(error.ends_with("does not say where its next page begins"), "{error}");
}

#[test]
fn losses_stand_in_a_table_that_goes_on() {
    let mut rows = Rows { json: false, bold: false, widths: Vec::new() };
    let expected = "\
id            when (UTC)               table/key/field  rule  winner                              loser             clock gap
1-3-9f3a77c1  2009-02-13 23:31:30.003  carts/carts:3    lww   two apples and a very... (eu-west)  base64:/w== (r1)      12 ms
";
    assert_eq!(rows.text(&[loss(3)]), expected);
    assert_eq!(rows.text(&[]), "");
    let later = rows.text(&[loss(4)]);
    assert!(later.starts_with("1-4-9f3a77c1  2009-02-13 23:31:30.004  carts/carts:4    lww   two"), "{later}");
    let mut lines = Rows { json: true, bold: true, widths: Vec::new() };
    let text = lines.text(&[loss(1), loss(2)]);
    let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(read, [loss(1), loss(2)]);
}

#[tokio::test]
async fn one_loss_is_shown_whole_and_put_back() {
    let (_door, asked) = node().await;
    let text = show(&mut Ledger::new(&asked, None), "1-3-9f3a77c1", false).await.expect("kept");
    let expected = "\
1-3-9f3a77c1  carts/carts:3
  noted      2009-02-13 23:31:30.003
  rule       lww
  clock gap  12 ms

winner: write 2:7 in eu-west, 2009-02-13 23:31:30.012
  two apples and a very long rest

loser: write 1:3 in r1, 2009-02-13 23:31:30.000
  base64:/w==

To write the loser's value again: lightcone conflicts restore 1-3-9f3a77c1
";
    assert_eq!(text, expected);
    let text = restore(&asked, "1-3-9f3a77c1", false).await.expect("kept");
    assert_eq!(text, "the value of carts:3 that lost is written again, as a new write\n");
    let error = show(&mut Ledger::new(&asked, None), "1-9-00000000", false).await.expect_err("gone").to_string();
    assert!(error.starts_with("no conflict 1-9-00000000 is kept here"), "{error}");
    let error = restore(&asked, "1/9", false).await.expect_err("gone").to_string();
    assert!(error.starts_with("no conflict of this id is kept\n`lightcone conflicts` lists"), "{error}");
}

#[test]
fn options_stand_before_or_behind_what_to_do() {
    let restore = options(&["restore", "1-3-9f3a77c1", "--json"]);
    assert!(
        matches!(restore.action, Some(ConflictsAction::Restore { id }) if id == "1-3-9f3a77c1") && restore.door.json
    );
    let list = options(&["--table", "carts", "--follow", "--limit", "5"]);
    assert!(list.follow && list.limit == 5 && list.action.is_none());
    assert!(Cli::try_parse_from(["lightcone", "conflicts", "--limit", "0"]).is_err());
}
