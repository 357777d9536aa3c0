//! Tables, conflicts and regions: what is asked reaches the catalogue, and its refusals reach the client.

use serde_json::json;

use crate::client::Client;
use crate::node::Node;

#[tokio::test]
async fn a_table_is_declared_shown_changed_and_dropped() {
    let client = Client::of(Node::default()).await;
    let cart = json!({ "name": "cart", "preset": "siblings", "ack": "majority" });
    let key = "/v1/tables/cart/records/7";
    assert_eq!(client.get(key).await.code(), "no_such_table");
    assert_eq!(client.json("POST", "/v1/tables?dry_run=true", &cart).await.status, 200);
    assert_eq!(client.get("/v1/tables/cart").await.code(), "no_such_table");
    assert_eq!(client.json("POST", "/v1/tables", &cart).await.status, 201);
    assert_eq!(client.json("POST", "/v1/tables", &cart).await.code(), "already_exists");
    assert_eq!(client.get("/v1/tables/cart").await.json(), cart);
    assert_eq!(client.get("/v1/tables").await.json()["tables"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.json("PUT", key, &json!({ "value": "x" })).await.status, 200);
    assert_eq!(client.node.run("GET cart:7"), "x");

    let change = json!({ "ack": "all" });
    assert_eq!(client.json("PATCH", "/v1/tables/cart?dry_run", &change).await.json()["ack"], "all");
    assert_eq!(client.get("/v1/tables/cart").await.json()["ack"], "majority");
    assert_eq!(client.json("PATCH", "/v1/tables/cart", &change).await.json()["ack"], "all");
    let expecting = json!({ "ack": "local", "expect_version": 1 });
    assert_eq!(client.json("PATCH", "/v1/tables/cart", &expecting).await.code(), "conflict");
    assert_eq!(client.get("/v1/tables/cart/history").await.status, 200);
    assert_eq!(client.delete("/v1/tables/cart").await.status, 200);
    assert_eq!(client.get("/v1/tables/cart/history").await.code(), "no_such_table");
}

#[tokio::test]
async fn a_promise_that_cannot_be_kept_is_refused_with_its_code() {
    let client = Client::of(Node::default()).await;
    let create = async |body| client.json("POST", "/v1/tables", &body).await;
    let not_yet = create(json!({ "name": "a", "writers": "home" })).await;
    assert_eq!((not_yet.status, not_yet.code().as_str()), (501, "not_yet"));
    let refused = create(json!({ "name": "a", "ack": "regions(9)" })).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "refused"));
    assert_eq!(create(json!({ "ack": "all" })).await.code(), "invalid_request");
    assert_eq!(client.ask("POST", "/v1/tables", &[], b"{}").await.code(), "not_json");
    let large = json!({ "name": "x".repeat(70_000) });
    assert_eq!(create(large).await.code(), "too_large");
    assert_eq!(
        client.json("POST", "/v1/tables?dry_run=maybe", &json!({ "name": "a" })).await.code(),
        "invalid_request"
    );
}

#[tokio::test]
async fn conflicts_are_paged_and_put_back() {
    let client = Client::of(Node::default()).await;
    let page = client.get("/v1/conflicts?table=users&after=12&limit=5").await.json();
    assert_eq!(page["conflicts"], json!([{ "table": "users", "after": "12", "limit": 5 }]));
    let page = client.get("/v1/conflicts").await.json();
    assert_eq!(page["conflicts"], json!([{ "table": null, "after": null, "limit": 100 }]));
    assert_eq!(client.ask("POST", "/v1/conflicts/7/restore", &[], b"").await.status, 200);
    assert_eq!(client.ask("POST", "/v1/conflicts/8/restore", &[], b"").await.code(), "not_found");
}

#[tokio::test]
async fn a_region_is_invited_joins_and_leaves() {
    let client = Client::of(Node::default()).await;
    let invitation = client.json("POST", "/v1/invitations", &json!({ "region": "kyiv" })).await;
    assert_eq!((invitation.status, &invitation.json()["token"]), (201, &json!("once")));
    assert_eq!(client.json("POST", "/v1/join", &json!({ "token": "once" })).await.status, 200);
    assert_eq!(client.json("POST", "/v1/join", &json!({ "token": "other" })).await.code(), "bad_token");
    assert_eq!(client.get("/v1/regions").await.json(), json!({ "regions": [{ "name": "oslo" }] }));
    assert_eq!(client.delete("/v1/regions/kyiv").await.json(), json!({ "name": "kyiv" }));
}
