//! Members of a set, one by one.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::fields::page_arguments;
use super::parameters::{PAGE, READS, WRITES};
use crate::Problem;
use crate::asked::Asked;
use crate::errors::Kind;
use crate::json_bytes;
use crate::record_key::full_key;
use crate::reply_shape;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/members",
        group: Group::Members,
        summary: "Lists members, a page at a time. A record that is not there has none.",
        query: PAGE,
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "A page of members.", body: Body::Json("Members") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/members/{member}",
        group: Group::Members,
        summary: "Says whether something is a member.",
        query: &[],
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether it is.", body: Body::Json("Member") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(show(asked)),
    },
    Route {
        verb: Verb::Put,
        path: "/v1/tables/{table}/records/{key}/members/{member}",
        group: Group::Members,
        summary: "Adds a member. It wins over a concurrent removal.",
        query: &[],
        headers: WRITES,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether it is new.", body: Body::Json("Added") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(put(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}/records/{key}/members/{member}",
        group: Group::Members,
        summary: "Removes what this region sees of a member.",
        query: &[],
        headers: WRITES,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether there was one.", body: Body::Json("Removed") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(delete(asked)),
    },
];

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let arguments = page_arguments(asked)?;
    let (next, found) = reply_shape::page(asked.call("SSCAN", arguments).await?)?;
    let members: Value = reply_shape::bytes_list(found)?.iter().map(|member| json_bytes::show(member)).collect();
    asked.answer(StatusCode::OK, &json!({ "members": members, "next": next }))
}

async fn show(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let present = reply_shape::int(asked.call("SISMEMBER", [key, member.clone()]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "member": json_bytes::show(&member), "present": present > 0 }))
}

async fn put(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let added = reply_shape::int(asked.call("SADD", [key, member]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "added": added > 0 }))
}

async fn delete(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let removed = reply_shape::int(asked.call("SREM", [key, member]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "removed": removed > 0 }))
}
