//! Tables, conflicts and regions: what is asked reaches the catalogue, and its refusals reach the client.

use lc_http::Settings;
use serde_json::json;

use crate::client::Client;
use crate::node::{Node, furnished, table};

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
    assert_eq!(client.get("/v1/tables/cart").await.json(), table("cart", cart));
    assert_eq!(client.get("/v1/tables").await.json()["tables"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.json("PUT", key, &json!({ "value": "x" })).await.status, 200);
    assert_eq!(client.node.run("GET cart:7"), "x");

    let change = json!({ "ack": "all" });
    assert_eq!(client.json("PATCH", "/v1/tables/cart?dry_run", &change).await.json()["policy"]["ack"], "all");
    assert_eq!(client.get("/v1/tables/cart").await.json()["policy"]["ack"], "majority");
    assert_eq!(client.json("PATCH", "/v1/tables/cart", &change).await.json()["policy"]["ack"], "all");
    let expecting = json!({ "ack": "local", "expect_version": 7 });
    assert_eq!(client.json("PATCH", "/v1/tables/cart", &expecting).await.code(), "conflict");
    assert_eq!(client.get("/v1/tables/cart/history").await.status, 200);
    assert_eq!(client.delete("/v1/tables/cart").await.status, 200);
    assert_eq!(client.get("/v1/tables/cart/history").await.code(), "no_such_table");
}

#[tokio::test]
async fn a_table_that_is_widened_names_who_is_arriving_in_a_dry_run_too() {
    let client = Client::of(Node::default()).await;
    let wider = json!({ "placement": "everywhere" });
    let foreseen = client.json("PATCH", "/v1/tables/users?dry_run=true", &wider).await;
    assert_eq!((foreseen.status, &foreseen.json()["arriving"]), (200, &json!(["rome"])));
    assert_eq!(client.get("/v1/tables/users").await.json()["arriving"], json!([]), "nothing was changed");
    let begun = client.json("PATCH", "/v1/tables/users", &wider).await;
    assert_eq!((begun.status, &begun.json()["target"]), (200, &json!("everywhere")));
    assert_eq!(client.get("/v1/tables").await.json()["tables"][0]["arriving"], json!(["rome"]));
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
async fn stamps_that_are_ahead_are_paged_and_rewritten() {
    let client = Client::of(Node::default()).await;
    let page = client.get("/v1/stamps?ahead_ms=5&table=users&after=68&limit=5").await.json();
    assert_eq!(page["stamps"], json!([{ "ahead_ms": 5, "table": "users", "after": "68", "limit": 5 }]));
    let page = client.get("/v1/stamps").await.json();
    assert_eq!(page["stamps"], json!([{ "ahead_ms": 1000, "table": null, "after": null, "limit": 100 }]));
    let order = json!({ "keys": ["a", { "base64": "/w==" }], "ahead_ms": 7 });
    let done = client.json("POST", "/v1/stamps/rewrite", &order).await;
    assert_eq!((done.status, done.json()["rewritten"].clone()), (200, json!(2)));
    assert_eq!(done.json()["node_ahead_ms"], 7);
    for wrong in [json!({ "keys": [] }), json!({}), json!({ "keys": ["a"], "all": true })] {
        assert_eq!(client.json("POST", "/v1/stamps/rewrite", &wrong).await.status, 400, "{wrong}");
    }
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

#[tokio::test]
async fn one_node_is_taken_out_by_its_id() {
    let client = Client::of(Node::default()).await;
    assert_eq!(client.delete("/v1/nodes/4").await.json(), json!({ "node_id": 4, "region": "kyiv" }));
    assert_eq!(client.delete("/v1/nodes/9").await.code(), "not_found");
    for wrong in ["oslo", "-1", "70000", "4x"] {
        assert_eq!(client.delete(&format!("/v1/nodes/{wrong}")).await.code(), "invalid_request", "{wrong}");
    }
}

#[tokio::test]
async fn invitations_are_listed_without_their_tokens_and_taken_back() {
    let client = Client::of(Node::default()).await;
    let listed = client.get("/v1/invitations").await.json();
    assert_eq!(listed["invitations"][0]["state"], "open");
    assert_eq!(client.delete("/v1/invitations/7").await.json()["state"], "taken_back");
    assert_eq!(client.delete("/v1/invitations/8").await.code(), "not_found");
}

#[tokio::test]
async fn an_invitation_is_enough_to_join_and_strangers_may_not_try_often() {
    let settings = Settings { token: Some("s3cret".to_owned()), ..Settings::default() };
    let client = Client::with(Node::default(), settings).await;
    let join = async |token: &str, more: &[(&str, &str)]| {
        client.json_with("POST", "/v1/join", more, &json!({ "token": token })).await
    };
    assert_eq!(join("once", &[]).await.status, 200);
    assert_eq!(client.json("POST", "/v1/invitations", &json!({ "region": "kyiv" })).await.code(), "unauthorized");
    assert_eq!(join("guessed", &[]).await.code(), "bad_token");
    assert_eq!(join("once", &[("origin", "http://localhost")]).await.code(), "foreign_origin");
    assert_eq!(client.json("POST", "/v1/join", &json!({ "token": "x".repeat(17_000) })).await.code(), "too_large");
    let mut refused = 0;
    for _ in 0..20 {
        let answer = join("guessed", &[("authorization", "Bearer guessed")]).await;
        refused += usize::from(answer.code() == "too_many_tries" && answer.header("retry-after") == Some("1"));
    }
    // Seven were left of ten; a slow machine gives a few more.
    assert!((8..=13).contains(&refused), "{refused}");
    assert_eq!(
        join("once", &[("authorization", "Bearer s3cret")]).await.status,
        200,
        "who knows the token need not wait"
    );
}

#[tokio::test]
async fn a_repair_begins_with_or_without_a_region_and_each_refusal_has_its_code() {
    let client = Client::of(furnished()).await;
    let begun = client.json("POST", "/v1/repairs", &json!({ "from": "rome" })).await;
    assert_eq!((begun.status, &begun.json()["repair"]["from"]), (202, &json!("rome")));
    let nearest = client.ask("POST", "/v1/repairs", &[], b"").await;
    assert_eq!((nearest.status, &nearest.json()["repair"]["from"]), (202, &json!("oslo")));
    for (from, status, code) in [("oslo", 409, "repair_under_way"), ("kyiv", 503, "unreachable")] {
        let refused = client.json("POST", "/v1/repairs", &json!({ "from": from })).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code));
    }
    assert_eq!(client.json("POST", "/v1/repairs", &json!({ "form": "oslo" })).await.status, 400);
    assert_eq!(client.get("/v1/repairs").await.json()["diverged"], json!([]));
}
