//! What the door says of itself is what it does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Client, send};
use crate::node::{Node, furnished};

/// A body that the node takes, for each schema that a request may have.
fn body(schema: &str) -> Value {
    match schema {
        "NewValue" | "NewField" => json!({ "value": "x" }),
        "NewFields" => json!({ "a": "x" }),
        "NewScore" => json!({ "score": 1 }),
        "Increment" => json!({ "by": 2 }),
        "Resolution" => json!({ "context": "-", "value": "x" }),
        "Expiry" => json!({ "ttl_ms": 1000 }),
        "NewTable" => json!({ "name": "cart" }),
        "TableChange" => json!({ "ack": "all" }),
        "NewInvitation" => json!({ "region": "kyiv" }),
        "Join" => json!({ "token": "once" }),
        "NewBackup" => json!({}),
        "NewRepair" => json!({ "from": "rome" }),
        "RewriteStamps" => json!({ "keys": ["42"] }),
        "Emulation" => json!({ "links": [{ "peer": 2 }] }),
        other => panic!("no body for {other}"),
    }
}

/// A path whose places are filled so that something is there.
fn filled(path: &str) -> String {
    let (key, place) = match path {
        _ if path.contains("/fields") => ("plane", "seats"),
        _ if path.contains("/members") => ("tags", "a"),
        _ if path.contains("/scores") => ("busy", "JFK"),
        _ if path.contains("/increment") => ("visits", ""),
        _ => ("42", ""),
    };
    let places = [
        ("table", "users"),
        ("key", key),
        ("field", place),
        ("member", place),
        ("id", "7"),
        ("region", "kyiv"),
        ("node", "4"),
        ("invitation", "7"),
        ("backup", "7"),
    ];
    places.into_iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

#[tokio::test]
async fn every_described_route_is_there() {
    let described = Client::of(Node::default()).await.description;
    let mut statuses = BTreeSet::new();
    for (path, operations) in described["paths"].as_object().expect("paths") {
        for (method, operation) in
            operations.as_object().expect("operations").iter().filter(|(key, _)| *key != "parameters")
        {
            // A fresh node each time: some of them remove what others read.
            let client = Client::of(Node { emulation: true, ..furnished() }).await;
            let (method, path) = (method.to_ascii_uppercase(), filled(path));
            let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let answer = match schema.and_then(|schema| schema.rsplit('/').next()) {
                Some(schema) => client.json(&method, &path, &body(schema)).await,
                None => client.ask(&method, &path, &[], b"").await,
            };
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
            assert!(answer.status < 300 || path.ends_with("/resolve"), "{method} {path}: {}", answer.json());
            statuses.insert(answer.status);
        }
    }
    assert!(statuses.is_superset(&[200, 201, 204].into()));
}

#[tokio::test]
async fn a_path_or_method_that_is_not_described_is_not_there() {
    let client = Client::of(furnished()).await;
    assert_eq!(client.get("/v1").await.code(), "not_found");
    assert_eq!(client.get("/v1/tables/users/records/42/colour").await.code(), "not_found");
    let patched = client.ask("PATCH", "/v1/tables/users/records/42", &[], b"").await;
    assert_eq!((patched.status, patched.code().as_str()), (405, "method_not_allowed"));
    let allowed: BTreeSet<&str> = patched.header("allow").expect("a list").split(',').collect();
    assert_eq!(allowed, ["GET", "HEAD", "PUT", "DELETE"].into());
}

#[tokio::test]
async fn the_head_of_a_record_is_answered_without_its_body() {
    let client = Client::of(furnished()).await;
    let head = send(client.address, "HEAD", "/v1/tables/users/records/42", &[], b"").await;
    assert_eq!((head.status, head.body.len(), head.header("etag").is_some()), (200, 0, true));
}
