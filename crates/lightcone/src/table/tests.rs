use clap::Parser;
use serde_json::{Value, json};

use super::said;
use crate::cli::{Cli, Command, TableOptions};
use crate::test_door::{TestDoor, problem};

fn options(door: &TestDoor, words: &[&str]) -> TableOptions {
    let url = door.url();
    let words = ["lightcone", "table"].iter().chain(words).copied().chain(["--at", &url]);
    match Cli::try_parse_from(words).expect("right options").command {
        Command::Table(options) => options,
        other => panic!("{other:?}"),
    }
}

async fn ask(door: &TestDoor, words: &[&str]) -> Result<String, String> {
    said(options(door, words), false).await.map_err(|error| error.to_string())
}

fn carts(version: u64) -> Value {
    json!({ "name": "carts", "version": version, "policy": {
        "writers": "any", "ack": "majority", "merge": "lww", "placement": "everywhere", "read": "session",
    } })
}

/// A node with the table carts, where a change to lww would collapse something.
async fn node() -> TestDoor {
    TestDoor::open(|question, body| match question {
        "GET /v1/tables" => (200, json!({ "tables": [carts(1)] })),
        "POST /v1/tables" if body["read"] == "strong" => problem(
            422,
            "refused",
            "read=strong needs writers=consensus; the nearest that can be kept is read=quorum(2)",
        ),
        "POST /v1/tables" | "POST /v1/tables?dry_run=true" => (201, carts(1)),
        "PATCH /v1/tables/carts?dry_run=true" => {
            let keys = u64::from(body["merge"] == "lww") * 3;
            let mut answer = carts(2);
            answer["would_collapse"] = json!({ "keys": keys, "values": 2 * keys, "increments": 0 });
            if body["placement"].is_array() {
                answer["would_remove_copies_in"] = json!(["us-east"]);
            }
            (200, answer)
        }
        "PATCH /v1/tables/papers" | "PATCH /v1/tables/papers?dry_run=true" => {
            let mut answer = carts(2);
            (answer["name"], answer["policy"]["placement"]) = (json!("papers"), json!(["eu-west"]));
            answer["arriving"] = json!(["tokyo", "us-east"]);
            (200, answer)
        }
        "PATCH /v1/tables/carts" if body["placement"] == "everywhere" => {
            problem(501, "not_offered", "this cannot be counted here: ask a node of eu-west")
        }
        "PATCH /v1/tables/carts" if body["placement"].is_array() => {
            let mut answer = carts(2);
            answer["removes_copies_in"] = json!(["us-east"]);
            (200, answer)
        }
        "PATCH /v1/tables/carts" if body["expect_version"] == 7 => {
            problem(409, "conflict", "table carts is at version 1, not 7")
        }
        "PATCH /v1/tables/carts" => (200, carts(2)),
        "DELETE /v1/tables/carts" => (204, Value::Null),
        "GET /v1/tables/carts/history" => (200, json!({ "history": [carts(1)] })),
        "GET /v1/presets" => (200, json!({ "presets": [{ "name": "crdt", "dials": carts(1)["policy"] }] })),
        _ => problem(404, "no_such_table", "no table 'crats' is declared"),
    })
    .await
}

#[tokio::test]
async fn a_table_is_created_with_the_dials_that_were_given() {
    let door = node().await;
    let words = [
        "create",
        "carts",
        "--preset",
        "crdt",
        "--ack",
        "majority",
        "--placement",
        "eu-west,us-east",
        "--wait-ms",
        "50",
    ];
    let text = ask(&door, &words).await.expect("created");
    assert!(text.starts_with("table carts is declared\n\ncarts, version 1\n  writers    any\n"), "{text}");
    let body = json!({ "name": "carts", "preset": "crdt", "ack": "majority", "placement": ["eu-west", "us-east"], "wait_ms": 50 });
    assert_eq!(door.asked(), [("POST /v1/tables".to_owned(), body)]);
    let text = ask(&door, &["create", "carts", "--dry-run"]).await.expect("right");
    assert!(text.starts_with("table carts would be declared; nothing was changed\n"), "{text}");
    assert_eq!(door.asked()[1].0, "POST /v1/tables?dry_run=true");
}

#[tokio::test]
async fn a_promise_that_cannot_be_kept_is_refused_with_the_nearest_and_the_next_step() {
    let door = node().await;
    let error = ask(&door, &["create", "carts", "--read", "strong"]).await.expect_err("refused");
    assert_eq!(
        error,
        "read=strong needs writers=consensus; the nearest that can be kept is read=quorum(2)\n\
         nothing was changed; `lightcone table presets` shows settings that go together"
    );
    let error = ask(&door, &["show", "crats"]).await.expect_err("unknown");
    assert_eq!(error, "no table 'crats' is declared\n`lightcone table list` shows the tables that are declared");
}

#[tokio::test]
async fn a_change_that_collapses_values_is_made_only_if_that_was_agreed_to() {
    let door = node().await;
    let error = ask(&door, &["alter", "carts", "--merge", "lww"]).await.expect_err("not agreed");
    assert!(
        error.starts_with("this change would collapse 3 keys, 6 values: of concurrent values one stays"),
        "{error}"
    );
    assert!(error.ends_with("nothing was changed; to agree to that, add --collapse"), "{error}");
    let questions = |door: &TestDoor| door.asked().into_iter().map(|(question, _)| question).collect::<Vec<_>>();
    assert_eq!(questions(&door), ["PATCH /v1/tables/carts?dry_run=true"]);
    let text = ask(&door, &["alter", "carts", "--merge", "lww", "--dry-run"]).await.expect("right");
    assert!(text.ends_with("it would collapse 3 keys, 6 values: to agree to that, add --collapse\n"), "{text}");
    let text = ask(&door, &["alter", "carts", "--merge", "lww", "--collapse"]).await.expect("agreed");
    assert!(text.starts_with("table carts is changed, version 2\n"), "{text}");
    assert_eq!(door.asked()[2], ("PATCH /v1/tables/carts".to_owned(), json!({ "merge": "lww", "collapse": true })));
    // What collapses nothing needs no word.
    ask(&door, &["alter", "carts", "--ack", "majority"]).await.expect("harmless");
    assert_eq!(questions(&door)[3..], ["PATCH /v1/tables/carts?dry_run=true", "PATCH /v1/tables/carts"]);
}

#[tokio::test]
async fn a_narrower_placement_says_who_removes_copies() {
    let door = node().await;
    let words = ["alter", "carts", "--placement", "eu-west"];
    let text = ask(&door, &[&words[..], &["--dry-run"]].concat()).await.expect("right");
    assert!(
        text.contains("\nthese regions would remove their copies: us-east\n\nit would collapse nothing\n"),
        "{text}"
    );
    let text = ask(&door, &words).await.expect("changed");
    assert!(text.ends_with("\n\nthese regions remove their copies: us-east\n"), "{text}");
    let error = ask(&door, &["alter", "carts", "--placement", "everywhere"]).await.expect_err("elsewhere");
    assert!(
        error.ends_with("ask a node of eu-west\nnothing was changed; name a node of that region with --at"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wider_placement_says_that_it_has_begun_and_how_to_watch_it() {
    let door = node().await;
    let words = ["alter", "papers", "--placement", "everywhere"];
    let text = ask(&door, &[&words[..], &["--dry-run"]].concat()).await.expect("right");
    assert!(text.contains("\nits records would be copied to tokyo, us-east\n\nit would collapse nothing\n"), "{text}");
    let text = ask(&door, &words).await.expect("begun");
    assert!(text.starts_with("table papers is changed, version 2\n\n"), "{text}");
    assert!(
        text.contains("\n  arriving   tokyo, us-east (records are being copied; counts once they are here)\n"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "\nits records are being copied to tokyo, us-east: `lightcone table show papers` tells when they are there\n"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_change_of_nothing_or_of_another_version_is_refused() {
    let door = node().await;
    let error = ask(&door, &["alter", "carts"]).await.expect_err("nothing to change");
    assert!(error.starts_with("nothing to change: name at least one dial") && door.asked().is_empty(), "{error}");
    let error = ask(&door, &["alter", "carts", "--ack", "all", "--expect-version", "7"]).await.expect_err("too late");
    assert_eq!(
        error,
        "table carts is at version 1, not 7\n\
         nothing was changed; `lightcone table show` tells how it is now, `lightcone table history` who was first"
    );
}

#[tokio::test]
async fn lists_and_json_are_what_the_node_says() {
    let door = node().await;
    assert!(ask(&door, &["list"]).await.expect("a list").contains("\ncarts        1  any      majority  lww"));
    let said: Value = serde_json::from_str(&ask(&door, &["list", "--json"]).await.expect("a list")).expect("JSON");
    assert_eq!(said, json!({ "tables": [carts(1)] }));
    assert_eq!(ask(&door, &["drop", "carts", "--json"]).await.as_deref(), Ok("{}\n"));
    assert!(ask(&door, &["drop", "carts"]).await.expect("dropped").starts_with("table carts is no longer declared"));
    assert!(ask(&door, &["history", "carts"]).await.expect("a history").contains("created: writers any, ack majority"));
    assert!(
        ask(&door, &["presets", "crdt"])
            .await
            .expect("a preset")
            .ends_with("merge = \"lww\"\nplacement = \"everywhere\"\nread = \"session\"\n")
    );
}
