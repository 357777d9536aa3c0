//! Fields, members and scores, one by one.

use serde_json::json;

use crate::client::Client;
use crate::node::{Node, furnished};

#[tokio::test]
async fn fields_are_set_read_and_removed_one_by_one() {
    let client = Client::of(Node::default()).await;
    let field = "/v1/tables/users/records/plane/fields/tail";
    assert_eq!(client.get(field).await.code(), "no_such_element");
    assert_eq!(client.json("PUT", field, &json!({ "value": "N1" })).await.json(), json!({ "added": true }));
    assert_eq!(client.octets("PUT", field, &[], b"\xff").await.json(), json!({ "added": false }));
    assert_eq!(client.get(&format!("{field}?raw")).await.body, b"\xff");
    assert_eq!(client.get(field).await.json(), json!({ "field": "tail", "value": { "base64": "/w==" } }));
    assert_eq!(client.node.run("HGET users:plane tail"), r"\xff");
    assert_eq!(client.delete(field).await.json(), json!({ "removed": true }));
    assert_eq!(client.delete(field).await.json(), json!({ "removed": false }));
    assert_eq!(client.get("/v1/tables/users/records/plane").await.code(), "no_such_record");
}

#[tokio::test]
async fn several_fields_are_set_as_one_write() {
    let client = Client::of(furnished()).await;
    let fields = "/v1/tables/users/records/plane/fields";
    client.node.called();
    let body = json!({ "seats": 3, "name": "Ada", "code": { "base64": "AA==" } });
    assert_eq!(client.json("PATCH", fields, &body).await.json(), json!({ "added": 2 }));
    assert_eq!(client.node.called(), ["HSET"]);
    let page = client.get(fields).await.json();
    assert_eq!(page, json!({ "fields": { "seats": "3", "name": "Ada", "code": "\0", "tail": "N1" }, "next": null }));
    for wrong in [json!({}), json!({ "a": null }), json!({ "a": { "b": 1 } }), json!([1])] {
        assert_eq!(client.json("PATCH", fields, &wrong).await.code(), "invalid_request", "{wrong}");
    }
    assert_eq!(client.get("/v1/tables/users/records/none/fields").await.json(), json!({ "fields": {}, "next": null }));
    assert_eq!(client.get("/v1/tables/users/records/42/fields").await.code(), "wrong_type");
}

#[tokio::test]
async fn many_fields_come_in_pages() {
    let client = Client::of(Node::default()).await;
    for n in 0..300 {
        client.node.run(&format!("HSET users:big f{n} x{}", "x".repeat(n)));
    }
    let (mut found, mut cursor) = (0, "0".to_owned());
    loop {
        let page = client.get(&format!("/v1/tables/users/records/big/fields?limit=40&cursor={cursor}")).await.json();
        found += page["fields"].as_object().expect("fields").len();
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, 300);
    let some = client.get("/v1/tables/users/records/big/fields?limit=1000&match=f29?").await.json();
    assert_eq!(some["fields"].as_object().expect("fields").len(), 10);
}

#[tokio::test]
async fn increments_of_fields_and_scores_add_up() {
    let client = Client::of(furnished()).await;
    let field = "/v1/tables/users/records/plane/fields/seats/increment";
    assert_eq!(client.json("POST", field, &json!({ "by": 5 })).await.json(), json!({ "value": 7 }));
    assert_eq!(client.json("POST", field, &json!({ "by": 0.25 })).await.json(), json!({ "value": 7.25 }));
    let score = "/v1/tables/users/records/busy/scores/JFK/increment";
    assert_eq!(client.ask("POST", score, &[], b"").await.json(), json!({ "value": 2 }));
    assert_eq!(client.json("POST", score, &json!({ "by": 0.5 })).await.json(), json!({ "value": 2.5 }));
    let member = "/v1/tables/users/records/tags/scores/a/increment";
    assert_eq!(client.ask("POST", member, &[], b"").await.code(), "wrong_type");
}

#[tokio::test]
async fn members_come_and_go() {
    let client = Client::of(furnished()).await;
    let member = "/v1/tables/users/records/tags/members/c%2Fd";
    assert_eq!(client.get(member).await.json(), json!({ "member": "c/d", "present": false }));
    assert_eq!(client.ask("PUT", member, &[], b"").await.json(), json!({ "added": true }));
    assert_eq!(client.ask("PUT", member, &[], b"").await.json(), json!({ "added": false }));
    assert_eq!(client.get(member).await.json(), json!({ "member": "c/d", "present": true }));
    let mut page = client.get("/v1/tables/users/records/tags/members").await.json();
    page["members"].as_array_mut().expect("members").sort_by_key(|member| member.to_string());
    assert_eq!(page, json!({ "members": ["a", "b", "c/d"], "next": null }));
    assert_eq!(client.delete(member).await.json(), json!({ "removed": true }));
    assert_eq!(client.ask("PUT", "/v1/tables/users/records/42/members/a", &[], b"").await.code(), "wrong_type");
}

#[tokio::test]
async fn scores_are_listed_by_range_in_both_directions() {
    let client = Client::of(furnished()).await;
    let busy = "/v1/tables/users/records/busy/scores";
    assert_eq!(
        client.json("PUT", &format!("{busy}/EWR"), &json!({ "score": 4 })).await.json(),
        json!({ "added": true })
    );
    assert_eq!(client.json("PUT", &format!("{busy}/BOS"), &json!({ "score": "-inf" })).await.status, 200);
    let members = async |query: &str| {
        let listed = client.get(&format!("{busy}?{query}")).await.json();
        let members = listed["scores"].as_array().expect("scores").iter();
        members.map(|one| one["member"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(members("").await, ["BOS", "JFK", "LGA", "EWR"]);
    assert_eq!(members("from=(1&to=4").await, ["LGA", "EWR"]);
    assert_eq!(members("descending&limit=2").await, ["EWR", "LGA"]);
    assert_eq!(members("descending=true&from=1&to=2.5").await, ["LGA", "JFK"]);
    assert_eq!(members("offset=1&limit=1").await, ["JFK"]);
    assert_eq!(client.get(&format!("{busy}/BOS")).await.json(), json!({ "member": "BOS", "score": "-inf" }));
    assert_eq!(client.delete(&format!("{busy}/BOS")).await.json(), json!({ "removed": true }));
    assert_eq!(client.get(&format!("{busy}/BOS")).await.code(), "no_such_element");
    assert_eq!(client.get(&format!("{busy}?from=x")).await.code(), "invalid_request");
    for wrong in [json!({ "score": "NX" }), json!({ "score": "INCR" }), json!({ "score": null }), json!({})] {
        let answer = client.json("PUT", &format!("{busy}/7"), &wrong).await;
        assert_eq!(answer.code(), "invalid_request", "{wrong}");
    }
}
