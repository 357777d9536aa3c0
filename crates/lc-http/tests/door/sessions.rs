//! What a request asks of its commands, and what the answer says of them.

use serde_json::{Value, json};

use crate::client::Client;
use crate::node::{Node, furnished};

const GREETING: &str = "/v1/tables/default/records/greeting";

#[tokio::test]
async fn every_answer_carries_the_token_that_covers_it() {
    let client = Client::of(Node::default()).await;
    let put = client.json("PUT", GREETING, &json!({ "value": "hello" })).await;
    assert_eq!(put.header("lightcone-session"), Some("seen-1"));
    let got = client.ask("GET", GREETING, &[("lightcone-session", "seen-1")], b"").await;
    assert_eq!(got.header("lightcone-session"), Some("seen-1"));
    let missing = client.get("/v1/tables/default/records/nothing").await;
    assert_eq!((missing.status, missing.header("lightcone-session")), (404, Some("seen-1")));
    let fresh = client.ask("POST", "/v1/sessions", &[], b"").await;
    assert_eq!((fresh.status, fresh.header("lightcone-session")), (201, Some("seen-0")));
    assert_eq!(fresh.json(), json!({ "session": "seen-0" }));
}

#[tokio::test]
async fn all_commands_of_a_request_are_one_session_with_its_wishes() {
    let client = Client::of(furnished()).await;
    client.node.called();
    let wishes = [("lightcone-read", "quorum(2)"), ("lightcone-ack", "majority"), ("lightcone-session", "seen-2")];
    // A hash takes several commands: what it is, how long, its fields, when it ends.
    assert_eq!(client.ask("GET", "/v1/tables/users/records/plane", &wishes, b"").await.status, 200);
    let calls = std::mem::take(&mut *client.node.calls.lock().expect("no panic"));
    assert!(calls.len() > 2, "{calls:?}");
    for call in &calls {
        assert_eq!((call.read.as_deref(), call.ack.as_deref()), (Some("quorum(2)"), Some("majority")));
    }
    let tokens: Vec<&str> = calls.iter().filter_map(|call| call.session.as_deref()).collect();
    assert_eq!((tokens[0], &tokens[1..]), ("seen-2", vec!["seen-6"; calls.len() - 1].as_slice()));
}

#[tokio::test]
async fn a_receipt_says_what_was_delivered() {
    let client = Client::of(Node::default()).await;
    let headers = [("lightcone-ack", "regions(2)")];
    let put = client.json_with("PUT", GREETING, &headers, &json!({ "value": "hello" })).await.receipt();
    assert_eq!((&put["level"], &put["read"]), (&json!("regions(2)"), &json!("")));
    let got = client.get(GREETING).await.receipt();
    assert_eq!((&got["level"], &got["read"], &got["staleness_ms"]), (&json!(""), &json!("local"), &json!(7)));
    assert_eq!(got["regions"], json!(["oslo"]));
    assert_eq!(client.get("/v1/tables").await.receipt(), Value::Null);
}

#[tokio::test]
async fn a_write_that_too_few_regions_have_answers_its_token_and_receipt() {
    let client = Client::of(Node::default()).await;
    let headers = [("lightcone-ack", "regions(3)")];
    let put = client.json_with("PUT", GREETING, &headers, &json!({ "value": "hello" })).await;
    assert_eq!((put.status, put.code().as_str()), (504, "no_ack"));
    assert!(put.json()["detail"].as_str().expect("text").contains("not undone"));
    assert_eq!(put.header("lightcone-session"), Some("seen-1"));
    assert_eq!(put.receipt()["level"], "regions(3)");
    assert_eq!(client.node.run("GET greeting"), "hello");
}

#[tokio::test]
async fn a_token_that_cannot_be_used_fails_and_is_not_sent_back() {
    let client = Client::of(furnished()).await;
    let forged = client.ask("GET", GREETING, &[("lightcone-session", "forged")], b"").await;
    assert_eq!((forged.status, forged.code().as_str()), (400, "bad_token"));
    assert_eq!(forged.header("lightcone-session"), None);
    let behind = client.ask("GET", GREETING, &[("lightcone-session", "seen-99")], b"").await;
    assert_eq!((behind.status, behind.code().as_str(), behind.header("retry-after")), (503, "behind", Some("1")));
    let stale = client.ask("GET", GREETING, &[("lightcone-read", "bounded(1ms)")], b"").await;
    assert_eq!((stale.status, stale.code().as_str()), (503, "stale"));
    let twice = [("lightcone-read", "session"), ("lightcone-read", "eventual")];
    assert_eq!(client.ask("GET", GREETING, &twice, b"").await.code(), "invalid_request");
}
