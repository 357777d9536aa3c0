//! How the node is, and who may ask.

use std::net::SocketAddr;
use std::sync::Arc;

use lc_http::{Door, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::node::Node;

async fn open(node: Node, token: Option<&str>) -> (SocketAddr, Arc<Node>) {
    let node = Arc::new(node);
    let settings = Settings { token: token.map(str::to_owned), ..Settings::default() };
    let door = Door::open("127.0.0.1:0".parse().expect("an address"), settings).await.expect("a free port");
    let address = door.address().expect("it listens");
    let inside = node.clone();
    tokio::spawn(door.serve(inside, |stream| async { Ok(stream) }, std::future::pending()));
    (address, node)
}

/// Sends a request's head (without the blank line) and body: status, content type and body of the answer.
async fn ask(address: SocketAddr, head: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.expect("the door is open");
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("the door reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let kind =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-type: ").map(str::to_owned));
    (status, kind.unwrap_or_default(), body.to_owned())
}

async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}"), "").await
}

async fn post_emulation(address: SocketAddr, body: &Value) -> (u16, String) {
    let head = format!("POST /emulation HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json");
    let (status, _, body) = ask(address, &head, &body.to_string()).await;
    (status, body)
}

fn code(body: &str) -> String {
    let problem: Value = serde_json::from_str(body).expect("a problem document");
    problem["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn a_healthy_node_says_so_and_shows_itself() {
    let (address, _) = open(Node::default(), None).await;
    assert_eq!(get(address, "/health").await, (200, "application/json".to_owned(), r#"{"status":"ok"}"#.to_owned()));
    let (status, _, body) = get(address, "/status").await;
    assert_eq!(
        (status, serde_json::from_str::<Value>(&body).expect("JSON")),
        (200, json!({ "region": "oslo", "keys": 3 }))
    );
    let (status, kind, body) = get(address, "/metrics").await;
    assert_eq!(
        (status, body.as_str()),
        (200, "# HELP lightcone_keys Keys.\n# TYPE lightcone_keys gauge\nlightcone_keys 3\n")
    );
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
}

#[tokio::test]
async fn a_sick_node_says_why() {
    let (address, _) = open(Node { sick: Some("the journal failed: disk full"), ..Node::default() }, None).await;
    let (status, kind, body) = get(address, "/health").await;
    assert_eq!((status, kind.as_str(), code(&body).as_str()), (503, "application/problem+json", "unavailable"));
    assert!(body.contains("disk full"), "{body}");
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems_with_codes() {
    let (address, _) = open(Node::default(), None).await;
    let (status, _, body) = get(address, "/nowhere").await;
    assert_eq!((status, code(&body).as_str()), (404, "not_found"));
    let (status, _, body) = ask(address, "POST /status HTTP/1.1\r\nHost: localhost", "").await;
    assert_eq!((status, code(&body).as_str()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn links_are_shaped_all_or_none() {
    let (address, node) = open(Node { emulation: true, ..Node::default() }, None).await;
    let good = json!({ "links": [{ "peer": 2, "one_way_ms": 41.5, "jitter_ms": 0.5 }, { "peer": 3, "cut": true }] });
    assert_eq!(post_emulation(address, &good).await.0, 204);
    assert_eq!(node.links.lock().expect("no panic").len(), 2);
    for (bad, said) in [
        (
            json!({ "links": [{ "peer": 2 }, { "peer": 3, "loss_percent": 101 }] }),
            "loss_percent = 101: must be from 0 to 100",
        ),
        (json!({ "links": [{ "peer": 2, "one_way_ms": -1 }] }), "one_way_ms = -1"),
        (json!({ "links": [{ "peer": 2, "latency": 1 }] }), "unknown field `latency`"),
        (json!({ "links": [{ "peer": 4 }] }), "node 4 is not a peer"),
    ] {
        let (status, body) = post_emulation(address, &bad).await;
        assert!((400..500).contains(&status) && body.contains(said), "{status} {body}");
    }
    assert_eq!(node.links.lock().expect("no panic").len(), 2);
}

#[tokio::test]
async fn links_cannot_be_shaped_outside_a_development_world() {
    let (address, node) = open(Node::default(), None).await;
    let (status, body) = post_emulation(address, &json!({ "links": [{ "peer": 2, "cut": true }] })).await;
    assert_eq!((status, code(&body).as_str()), (404, "not_found"));
    assert!(node.links.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_body_that_is_large_or_not_json_is_refused() {
    let (address, _) = open(Node { emulation: true, ..Node::default() }, None).await;
    let (status, body) = post_emulation(address, &json!({ "links": "x".repeat(70_000) })).await;
    assert_eq!((status, code(&body).as_str()), (413, "too_large"));
    let (status, _, body) = ask(address, "POST /emulation HTTP/1.1\r\nHost: localhost", "{}").await;
    assert_eq!((status, code(&body).as_str()), (415, "not_json"));
}

#[tokio::test]
async fn a_token_guards_everything_but_health() {
    let (address, _) = open(Node::default(), Some("s3cret")).await;
    assert_eq!(get(address, "/health").await.0, 200);
    for path in ["/status", "/metrics", "/nowhere"] {
        let (status, _, body) = get(address, path).await;
        assert_eq!((status, code(&body).as_str()), (401, "unauthorized"), "{path}");
    }
    let with = |token: &str| format!("GET /status HTTP/1.1\r\nHost: node.example\r\nAuthorization: Bearer {token}");
    assert_eq!(ask(address, &with("wrong"), "").await.0, 401);
    assert_eq!(ask(address, &with("s3cret"), "").await.0, 200);
}

#[tokio::test]
async fn without_a_token_a_name_that_points_here_is_not_answered() {
    let (address, _) = open(Node::default(), None).await;
    let (status, _, body) = ask(address, "GET /status HTTP/1.1\r\nHost: evil.example:8001", "").await;
    assert_eq!((status, code(&body).as_str()), (403, "foreign_host"));
}

#[tokio::test]
async fn without_a_token_a_web_page_of_another_machine_is_not_answered() {
    let (address, _) = open(Node::default(), None).await;
    let from = |origin: &str| format!("GET /status HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}");
    for origin in ["https://evil.example", "null"] {
        let (status, _, body) = ask(address, &from(origin), "").await;
        assert_eq!((status, code(&body).as_str()), (403, "foreign_origin"), "{origin}");
    }
    assert_eq!(ask(address, &from("http://localhost:3000"), "").await.0, 200);
}

#[tokio::test]
async fn without_a_database_there_are_no_records_but_there_is_a_description() {
    let (address, _) = open(Node::default(), None).await;
    assert_eq!(get(address, "/v1/tables/default/records/a").await.0, 404);
    assert_eq!(get(address, "/v1/openapi.json").await.0, 200);
}
