//! Strings and counters by key: bytes, conditions, concurrent values, expiry, listing.

use serde_json::{Value, json};

use crate::client::Client;
use crate::node::{Node, furnished};

const GREETING: &str = "/v1/tables/default/records/greeting";

#[tokio::test]
async fn a_string_is_put_read_and_removed() {
    let client = Client::of(Node::default()).await;
    assert_eq!(client.get(GREETING).await.code(), "no_such_record");
    let put = client.json("PUT", GREETING, &json!({ "value": "hello" })).await;
    assert_eq!(put.status, 200);
    assert_eq!(client.node.run("GET greeting"), "hello");
    let got = client.get(GREETING).await;
    assert_eq!((&got.json()["type"], &got.json()["value"]), (&json!("string"), &json!("hello")));
    assert_eq!((&got.json()["key"], &got.json()["ttl_ms"]), (&json!("greeting"), &Value::Null));
    assert_eq!(got.json()["context"], put.json()["context"]);
    assert_eq!(got.header("etag"), put.header("etag"));
    assert_eq!(client.delete(GREETING).await.json(), json!({ "removed": true }));
    assert_eq!(client.delete(GREETING).await.json(), json!({ "removed": false }));
    assert_eq!(client.get(GREETING).await.status, 404);
}

#[tokio::test]
async fn bytes_go_in_and_out_as_they_are() {
    let client = Client::of(Node::default()).await;
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(client.octets("PUT", GREETING, &[], &bytes).await.status, 200);
    for (path, headers) in [
        (format!("{GREETING}?raw"), vec![]),
        (GREETING.to_owned(), vec![("accept", "text/html, application/octet-stream;q=0.9")]),
    ] {
        let got = client.ask("GET", &path, &headers, b"").await;
        assert_eq!((got.status, got.body == bytes), (200, true));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert!(got.header("etag").is_some());
    }
    let shown = client.get(GREETING).await.json()["value"].clone();
    assert!(shown["base64"].is_string());
    assert_eq!(client.json("PUT", GREETING, &json!({ "value": shown })).await.status, 200);
    assert_eq!(client.get(&format!("{GREETING}?raw")).await.body, bytes);
    assert_eq!(client.octets("PUT", GREETING, &[], b"").await.status, 200);
    assert_eq!(client.get(GREETING).await.json()["value"], "");
}

#[tokio::test]
async fn only_who_saw_the_value_replaces_or_removes_it() {
    let client = Client::of(Node::default()).await;
    let put = async |headers: &[(&str, &str)], value: &str| {
        client.json_with("PUT", GREETING, headers, &json!({ "value": value })).await
    };
    assert_eq!(put(&[("if-match", "*")], "x").await.code(), "changed");
    assert_eq!(put(&[("if-none-match", "*")], "one").await.status, 201);
    assert_eq!(put(&[("if-none-match", "*")], "x").await.code(), "changed");
    let seen = client.get(GREETING).await.header("etag").expect("a context").to_owned();
    let replaced = put(&[("if-match", &seen)], "two").await;
    assert_eq!(replaced.status, 200);
    let late = put(&[("if-match", &seen)], "x").await;
    assert_eq!((late.status, late.code().as_str()), (412, "changed"));
    assert_eq!(late.header("etag"), replaced.header("etag"));
    assert_eq!(late.json()["context"], replaced.json()["context"]);
    assert_eq!(put(&[("if-match", "*")], "three").await.status, 200);

    let now = client.get(GREETING).await.header("etag").expect("a context").to_owned();
    let remove = async |tag: &str| client.ask("DELETE", GREETING, &[("if-match", tag)], b"").await;
    assert_eq!(remove(&seen).await.code(), "changed");
    assert_eq!(client.node.run("GET greeting"), "three");
    assert_eq!(remove(&now).await.json(), json!({ "removed": true }));
    assert_eq!(remove("*").await.code(), "changed");
    assert_eq!(put(&[("if-match", "three")], "x").await.code(), "invalid_request");
}

#[tokio::test]
async fn concurrent_values_come_back_with_a_context_that_replaces_them() {
    let client = Client::of(Node::default()).await;
    client.node.run("SET greeting here");
    client.node.elsewhere("SET greeting there");
    let both = client.get(GREETING).await.json();
    assert_eq!(both["value"], "there");
    let siblings = both["siblings"].as_array().expect("two values");
    let values: Vec<&str> = siblings.iter().filter_map(|sibling| sibling["value"].as_str()).collect();
    assert_eq!(values, ["there", "here"]);
    assert!(siblings.iter().all(|sibling| sibling["dot"].is_string() && sibling["time_ms"].is_u64()));

    let resolve = format!("{GREETING}/resolve");
    let resolution = json!({ "context": both["context"], "value": "both" });
    let resolved = client.json("POST", &resolve, &resolution).await;
    assert_eq!((resolved.status, &resolved.json()["values"]), (200, &json!(1)));
    let one = client.get(GREETING).await.json();
    assert_eq!((&one["value"], one.get("siblings")), (&json!("both"), None));
    assert_eq!(one["context"], resolved.json()["context"]);
}

/// Two settled one record at once, each was told 200, and neither knew that two values stood.
#[tokio::test]
async fn who_resolves_is_told_how_many_values_stand_now() {
    let client = Client::of(Node::default()).await;
    client.node.run("SET greeting here");
    let read = client.get(GREETING).await.json();
    client.node.elsewhere("SET greeting there");
    let resolve = format!("{GREETING}/resolve");
    let resolution = json!({ "context": read["context"], "value": "settled" });
    let resolved = client.json("POST", &resolve, &resolution).await;
    assert_eq!((&resolved.json()["values"], &resolved.json()["context"]), (&json!(2), &Value::Null));
    let both = client.get(GREETING).await.json();
    let resolution = json!({ "context": both["context"], "value": "settled again" });
    let resolved = client.json("POST", &resolve, &resolution).await.json();
    assert_eq!((&resolved["values"], resolved["context"].is_string()), (&json!(1), true));
}

#[tokio::test]
async fn a_writer_is_not_given_the_context_of_a_write_it_never_saw() {
    let client = Client::of(Node::default()).await;
    // Another region's value arrives between the write and the look at its context.
    *client.node.meanwhile.lock().expect("no panic") = Some(("SIBLINGS", "SET greeting there"));
    let put = client.json("PUT", GREETING, &json!({ "value": "here" })).await;
    assert_eq!((put.status, &put.json()["context"], put.header("etag")), (200, &Value::Null, None));
}

#[tokio::test]
async fn a_context_is_of_the_value_that_it_came_with() {
    let client = Client::of(Node::default()).await;
    client.node.run("SET greeting old");
    client.node.carry();
    let got = client.get(GREETING).await;
    assert_eq!(got.json()["value"], "old");
    let tag = got.header("etag").expect("a context").to_owned();
    client.node.run("SET greeting new");
    let put = client.json_with("PUT", GREETING, &[("if-match", &tag)], &json!({ "value": "mine" })).await;
    assert_eq!(put.code(), "changed");
}

#[tokio::test]
async fn increments_add_up_whole_and_decimal() {
    let client = Client::of(Node::default()).await;
    let path = "/v1/tables/default/records/n/increment";
    assert_eq!(client.ask("POST", path, &[], b"").await.json(), json!({ "value": 1 }));
    assert_eq!(client.json("POST", path, &json!({})).await.json(), json!({ "value": 2 }));
    assert_eq!(client.json("POST", path, &json!({ "by": -12 })).await.json(), json!({ "value": -10 }));
    assert_eq!(client.json("POST", path, &json!({ "by": 0.5 })).await.json(), json!({ "value": -9.5 }));
    assert_eq!(client.json("POST", path, &json!({ "by": "1" })).await.code(), "invalid_request");
    assert_eq!(client.json("POST", path, &json!({ "by": u64::MAX })).await.code(), "invalid_request");
    client.node.run("SET n text");
    assert_eq!(client.ask("POST", path, &[], b"").await.code(), "invalid_request");
    client.node.run("DEL n");
    client.node.run("SADD n x");
    assert_eq!(client.ask("POST", path, &[], b"").await.code(), "wrong_type");
}

#[tokio::test]
async fn a_record_ends_when_it_was_said_to() {
    let client = Client::of(Node::default()).await;
    client.json("PUT", GREETING, &json!({ "value": "x", "ttl_ms": 500 })).await;
    assert_eq!(client.get(GREETING).await.json()["ttl_ms"], 500);
    client.octets("PUT", &format!("{GREETING}?ttl_ms=600"), &[], b"y").await;
    assert_eq!(client.get(GREETING).await.json()["ttl_ms"], 600);
    let expiry = format!("{GREETING}/expiry");
    assert_eq!(client.delete(&expiry).await.json(), json!({ "removed": true }));
    assert_eq!(client.get(GREETING).await.json()["ttl_ms"], Value::Null);
    assert_eq!(client.json("PUT", &expiry, &json!({ "ttl_ms": 50 })).await.json(), json!({ "ttl_ms": 50 }));
    client.node.pass(51);
    assert_eq!(client.get(GREETING).await.status, 404);
    assert_eq!(client.json("PUT", &expiry, &json!({ "ttl_ms": 50 })).await.code(), "no_such_record");
    for wrong in [json!({ "value": "x", "ttl_ms": 0 }), json!({ "value": "x", "ttl_ms": -1 })] {
        assert_eq!(client.json("PUT", GREETING, &wrong).await.code(), "invalid_request");
    }
    let twice = client.json("PUT", &format!("{GREETING}?ttl_ms=5"), &json!({ "value": "x" })).await;
    assert_eq!(twice.code(), "invalid_request");
}

#[tokio::test]
async fn a_key_is_any_bytes_within_its_table() {
    let client = Client::of(Node::default()).await;
    for (path, key) in [
        ("users/records/42", "users:42"),
        ("users/records/a%2Fb%3A%20c", "users:a/b: c"),
        ("users/records/%ff%00", r"users:\xff\x00"),
        ("users/records/fields", "users:fields"),
        ("default/records/a:b", "a:b"),
        ("default/records/default:b", "default:b"),
    ] {
        let path = format!("/v1/tables/{path}");
        assert_eq!(client.json("PUT", &path, &json!({ "value": key })).await.status, 200, "{path}");
        assert_eq!(client.node.run(&format!("GET \"{key}\"")), key.replace('\\', r"\\"), "{path}");
        assert_eq!(client.get(&path).await.json()["value"], key, "{path}");
    }
    let put = async |path: &str| client.json("PUT", path, &json!({ "value": "x" })).await.code();
    assert_eq!(put("/v1/tables/nobody/records/42").await, "no_such_table");
    assert_eq!(put("/v1/tables/default/records/users:42").await, "invalid_request");
    assert_eq!(put("/v1/tables/default/records/a%2").await, "invalid_request");
    assert_eq!(put("/v1/tables/%ff/records/42").await, "invalid_request");
}

#[tokio::test]
async fn keys_are_listed_by_table_a_page_at_a_time() {
    let client = Client::of(furnished()).await;
    for n in 0..200 {
        client.node.run(&format!("SET users:n{n} x"));
    }
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, "0".to_owned());
    loop {
        let page = client.get(&format!("/v1/tables/users/records?limit=50&match=n*&cursor={cursor}")).await.json();
        found.extend(page["keys"].as_array().expect("keys").iter().map(|key| key.as_str().expect("text").to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    found.sort();
    found.dedup();
    assert_eq!((found.len(), found[0].as_str(), pages > 3), (200, "n0", true));
    let all = client.get("/v1/tables/default/records?limit=1000").await.json();
    assert_eq!(all, json!({ "keys": ["greeting"], "next": null }));
    let sets = client.get("/v1/tables/users/records?limit=1000&type=set").await.json();
    assert_eq!(sets["keys"], json!(["tags"]));
    assert_eq!(client.get("/v1/tables/nobody/records").await.code(), "no_such_table");
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=x", "colour=red", "limit=1&limit=2", "match=%ff"] {
        let answer = client.get(&format!("/v1/tables/users/records?{wrong}")).await;
        assert_eq!(answer.code(), "invalid_request", "{wrong}");
    }
}

#[tokio::test]
async fn a_collection_is_read_whole_with_its_type() {
    let client = Client::of(furnished()).await;
    let read = async |key: &str| client.get(&format!("/v1/tables/users/records/{key}")).await.json();
    let plane = json!({ "key": "plane", "type": "hash", "value": { "tail": "N1", "seats": "2" }, "ttl_ms": null });
    assert_eq!(read("plane").await, plane);
    let mut tags = read("tags").await;
    tags["value"].as_array_mut().expect("members").sort_by_key(|member| member.to_string());
    assert_eq!((&tags["type"], &tags["value"]), (&json!("set"), &json!(["a", "b"])));
    let busy = read("busy").await;
    let scores = json!([{ "member": "JFK", "score": 1 }, { "member": "LGA", "score": 2.5 }]);
    assert_eq!((&busy["type"], &busy["value"]), (&json!("zset"), &scores));
    assert_eq!(client.get("/v1/tables/users/records/tags?raw").await.code(), "wrong_type");
    let put = client.json("PUT", "/v1/tables/users/records/tags", &json!({ "value": "x" })).await;
    assert_eq!((put.status, client.node.run("TYPE users:tags")), (200, "string".to_owned()));
}
