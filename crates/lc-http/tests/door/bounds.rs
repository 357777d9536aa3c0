//! What is too large, too many or in the wrong shape costs only itself.

use std::time::Duration;

use lc_core::limits::VALUE_BYTES_MAX;
use lc_http::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::node::{Node, furnished};

const GREETING: &str = "/v1/tables/default/records/greeting";

#[tokio::test]
async fn a_value_is_as_large_as_the_limit_and_no_larger() {
    let client = Client::of(Node::default()).await;
    let largest = vec![b'x'; VALUE_BYTES_MAX];
    assert_eq!(client.octets("PUT", GREETING, &[], &largest).await.status, 200);
    assert_eq!(client.get(&format!("{GREETING}?raw")).await.body.len(), VALUE_BYTES_MAX);
    assert_eq!(client.get(GREETING).await.json()["value"].as_str().map(str::len), Some(VALUE_BYTES_MAX));
    let text = String::from_utf8(largest).expect("ASCII");
    assert_eq!(client.json("PUT", GREETING, &json!({ "value": text })).await.status, 200);
    let above = text + "x";
    assert_eq!(client.octets("PUT", GREETING, &[], above.as_bytes()).await.code(), "too_large");
    assert_eq!(client.json("PUT", GREETING, &json!({ "value": above })).await.code(), "too_large");
    assert_eq!(
        client.json("PUT", GREETING, &json!({ "value": above + &"y".repeat(9 << 20) })).await.code(),
        "too_large"
    );
    let long = format!("/v1/tables/default/records/{}", "k".repeat(20_000));
    assert_eq!(client.json("PUT", &long, &json!({ "value": "x" })).await.code(), "too_large");
    assert_eq!(client.node.run("STRLEN greeting"), VALUE_BYTES_MAX.to_string());
}

#[tokio::test]
async fn a_body_in_the_wrong_shape_is_told_what_would_be_right() {
    let client = Client::of(Node::default()).await;
    for wrong in [json!({}), json!([]), json!({ "value": {} }), json!({ "value": "x", "colour": 1 }), json!("x")] {
        let answer = client.json("PUT", GREETING, &wrong).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{wrong}");
    }
    let broken = client.ask("PUT", GREETING, &[("content-type", "application/json")], b"{\"value\": ").await;
    assert_eq!(broken.code(), "invalid_request");
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = client.ask("PUT", GREETING, &[("content-type", kind)], b"{\"value\":1}").await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "not_json"));
    }
    assert_eq!(client.ask("PUT", GREETING, &[], b"").await.code(), "not_json");
    let plain = [("content-type", "text/plain")];
    assert_eq!(client.ask("POST", &format!("{GREETING}/increment"), &plain, b"{}").await.code(), "not_json");
    assert!(client.node.called().is_empty());
}

#[tokio::test]
async fn a_collection_too_large_for_one_answer_says_where_its_pages_are() {
    let client = Client::of(Node::default()).await;
    let members: String = (0..10_001).map(|n| format!(" m{n}")).collect();
    client.node.run(&format!("SADD users:big{members}"));
    let whole = client.get("/v1/tables/users/records/big").await;
    assert_eq!((whole.status, whole.code().as_str()), (413, "too_large"));
    assert!(whole.json()["detail"].as_str().expect("text").contains(".../members"));
    client.node.run("SREM users:big m0");
    assert_eq!(client.get("/v1/tables/users/records/big").await.status, 200);
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_ends() {
    let client = Client::with(furnished(), Settings { connections_max: 1, ..Settings::default() }).await;
    let mut first = TcpStream::connect(client.address).await.expect("the door is open");
    let request = format!("GET {GREETING} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    first.write_all(request.as_bytes()).await.expect("the door reads");
    let mut some = [0; 1024];
    assert!(first.read(&mut some).await.expect("an answer") > 0);
    let second = client.get(GREETING);
    tokio::pin!(second);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err());
    drop(first);
    assert_eq!(second.await.status, 200);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up_and_others_find_room_again() {
    let settings =
        Settings { bodies_bytes_max: 8 << 20, stall_timeout: Some(Duration::from_millis(300)), ..Settings::default() };
    let client = Client::with(furnished(), settings).await;
    client.node.run(&format!("SET greeting {}", "x".repeat(7 << 20)));
    let mut deaf = TcpStream::connect(client.address).await.expect("the door is open");
    let request = format!("GET {GREETING}?raw HTTP/1.1\r\nHost: localhost\r\n\r\n");
    deaf.write_all(request.as_bytes()).await.expect("the door reads");
    let mut some = [0; 1024];
    assert!(deaf.read(&mut some).await.expect("an answer") > 0);
    let refused = client.get(&format!("{GREETING}?raw")).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if client.node.unread() == 1 {
            break;
        }
    }
    assert_eq!(client.node.unread(), 1, "it is closed and counted");
    assert_eq!(client.get(&format!("{GREETING}?raw")).await.body.len(), 7 << 20);
}
