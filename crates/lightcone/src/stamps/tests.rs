use clap::Parser;
use serde_json::{Value, json};

use super::{list, rewrite, rewrite_all};
use crate::cli::{Cli, Command, StampsOptions};
use crate::node_door::NodeDoor;
use crate::test_door::{TestDoor, problem};

fn options(words: &[&str]) -> Result<StampsOptions, clap::Error> {
    match Cli::try_parse_from(["lightcone", "stamps"].iter().chain(words))?.command {
        Command::Stamps(options) => Ok(options),
        other => panic!("{other:?}"),
    }
}

fn stamp(key: Value, field: Value) -> Value {
    json!({
        "table": "carts", "key": key, "type": if field.is_null() { "string" } else { "hash" }, "field": field,
        "stamp": "1800000003600000.0", "at_ms": 1_800_003_600_000_u64, "ahead_ms": 3_600_000, "replica": "r2", "region": "eu-west",
    })
}

/// Three values in two pages.
async fn node(words: &[&str]) -> (TestDoor, NodeDoor, StampsOptions) {
    let door = TestDoor::open(|question, body| match question.split_once('?') {
        _ if question == "POST /v1/stamps/rewrite" => {
            let hidden: Vec<&Value> =
                body["keys"].as_array().expect("keys").iter().filter(|key| **key == "b").collect();
            let rewritten = body["keys"].as_array().map_or(0, Vec::len) - hidden.len();
            (200, json!({ "rewritten": rewritten, "hidden": hidden, "node_ahead_ms": 3_600_000 }))
        }
        Some(("GET /v1/stamps", query)) if query.ends_with("after=6162") => (
            200,
            json!({ "stamps": [stamp(json!({ "base64": "/w==" }), Value::Null)], "next": null, "node_ahead_ms": 0 }),
        ),
        Some(("GET /v1/stamps", _)) => {
            let stamps = [stamp(json!("a"), json!("colour")), stamp(json!("b"), Value::Null)];
            (200, json!({ "stamps": stamps, "next": "6162", "node_ahead_ms": 0 }))
        }
        _ => problem(404, "not_found", "no such path"),
    })
    .await;
    let url = door.url();
    let options = options(&[&["--at", &url], words].concat()).expect("right options");
    let asked = NodeDoor::open(&options.door).expect("a right URL");
    (door, asked, options)
}

#[tokio::test]
async fn all_pages_are_listed_for_people() {
    let (door, asked, options) = node(&["--ahead", "2s", "--table", "carts"]).await;
    let text = list(&asked, &options).await.expect("a list");
    let expected = "\
table/key/field    type    stamped (UTC)            ahead  by
carts/a/colour     hash    2027-01-15 09:00:00.000  60 min  eu-west (r2)
carts/b            string  2027-01-15 09:00:00.000  60 min  eu-west (r2)
carts/base64:/w==  string  2027-01-15 09:00:00.000  60 min  eu-west (r2)
";
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&text), words(expected), "{text}");
    let questions: Vec<String> = door.asked().into_iter().map(|(question, _)| question).collect();
    assert_eq!(
        questions,
        [
            "GET /v1/stamps?ahead_ms=2000&limit=500&table=carts",
            "GET /v1/stamps?ahead_ms=2000&limit=500&table=carts&after=6162"
        ]
    );
}

#[tokio::test]
async fn keys_are_rewritten_and_what_hides_or_drags_is_said() {
    let (door, asked, _) = node(&[]).await;
    let outcome = rewrite(&asked, vec![json!("a"), json!("b")], 1000).await.expect("rewritten");
    assert_eq!(
        outcome.text(),
        "1 value written anew\nb: left, a value of another type hides it\nthis node has seen stamps 3600000 ms ahead: until then its ordinary writes are stamped later than those\n"
    );
    assert_eq!(door.asked()[0].1, json!({ "keys": ["a", "b"], "ahead_ms": 1000 }));
}

#[tokio::test]
async fn all_means_every_page_and_bytes_that_are_no_text_go_back_as_they_came() {
    let (door, asked, options) = node(&["rewrite", "--all"]).await;
    let outcome = rewrite_all(&asked, &options).await.expect("rewritten");
    assert_eq!(outcome.json(), json!({ "rewritten": 2, "hidden": ["b"], "node_ahead_ms": 3_600_000 }));
    let orders: Vec<Value> = door.asked().into_iter().map(|(_, body)| body).filter(|body| !body.is_null()).collect();
    assert_eq!(orders[1], json!({ "keys": [{ "base64": "/w==" }], "ahead_ms": 1000 }));
}

#[test]
fn what_to_rewrite_is_said() {
    assert!(options(&["rewrite"]).is_err());
    assert!(options(&["rewrite", "--all", "key"]).is_err());
    assert!(options(&["rewrite", "key", "--ahead", "5s"]).is_ok());
    assert!(options(&["--ahead", "5"]).is_err());
}
