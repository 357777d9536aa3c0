//! Fields of a hash, one by one.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::increment::Increment;
use super::parameters::{LIMIT_DEFAULT, LIMIT_MAX, PAGE, RAW, READS, READS_VALUE, WRITES};
use crate::Problem;
use crate::asked::{Asked, OCTETS, said, word};
use crate::errors::Kind;
use crate::json_bytes::{self, Sent};
use crate::record_key::full_key;
use crate::reply_shape;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/fields",
        group: Group::Fields,
        summary: "Lists fields with their values, a page at a time. A record that is not there has none.",
        query: PAGE,
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "A page of fields.", body: Body::Json("Fields") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Patch,
        path: "/v1/tables/{table}/records/{key}/fields",
        group: Group::Fields,
        summary: "Sets several fields at once; all regions see all of them or none. Other fields stay.",
        query: &[],
        headers: WRITES,
        takes: Takes::Json("NewFields"),
        gives: &[Gives { status: 200, meaning: "How many are new.", body: Body::Json("AddedCount") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(patch(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/fields/{field}",
        group: Group::Fields,
        summary: "Reads a field.",
        query: &[RAW],
        headers: READS_VALUE,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Its value.", body: Body::JsonOrBytes("Field") }],
        problems: &[Kind::NO_SUCH_ELEMENT, Kind::WRONG_TYPE],
        answer: |asked| Box::pin(show(asked)),
    },
    Route {
        verb: Verb::Put,
        path: "/v1/tables/{table}/records/{key}/fields/{field}",
        group: Group::Fields,
        summary: "Sets a field.",
        query: &[],
        headers: WRITES,
        takes: Takes::JsonOrBytes("NewField"),
        gives: &[Gives { status: 200, meaning: "Whether it is new.", body: Body::Json("Added") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(put(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}/records/{key}/fields/{field}",
        group: Group::Fields,
        summary: "Removes what this region sees of a field.",
        query: &[],
        headers: WRITES,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether there was one.", body: Body::Json("Removed") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(delete(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/tables/{table}/records/{key}/fields/{field}/increment",
        group: Group::Fields,
        summary: "Adds to a field. Increments of all regions add up.",
        query: &[],
        headers: WRITES,
        takes: Takes::MaybeJson("Increment"),
        gives: &[Gives { status: 200, meaning: "The sum, as this region sees it.", body: Body::Json("Sum") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(increment(asked)),
    },
];

/// What every scan of a collection is told: key, cursor, pattern and count.
pub(super) fn page_arguments(asked: &Asked) -> Result<Vec<Bytes>, Problem> {
    let count = asked.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let cursor = said(asked.parameter("cursor").unwrap_or("0"));
    let mut arguments = vec![full_key(asked)?, cursor, word("COUNT"), said(count)];
    if let Some(pattern) = asked.parameter("match") {
        arguments.extend([word("MATCH"), said(pattern)]);
    }
    Ok(arguments)
}

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let arguments = page_arguments(asked)?;
    let (next, found) = reply_shape::page(asked.call("HSCAN", arguments).await?)?;
    let fields = json_bytes::show_named(&reply_shape::named(found)?);
    asked.answer(StatusCode::OK, &json!({ "fields": fields, "next": next }))
}

async fn patch(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    let fields: BTreeMap<String, Sent> = asked.record_json().await?;
    if fields.is_empty() {
        return Err(Problem::invalid("the body names no field"));
    }
    let pairs = fields.into_iter().flat_map(|(field, Sent(value))| [said(field), value]);
    let arguments: Vec<Bytes> = std::iter::once(key).chain(pairs).collect();
    let added = reply_shape::int(asked.call("HSET", arguments).await?)?;
    asked.answer(StatusCode::OK, &json!({ "added": added }))
}

async fn show(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, field) = (full_key(asked)?, asked.place("field"));
    let value = reply_shape::bytes_or_none(asked.call("HGET", [key, field.clone()]).await?)?;
    let value = value.ok_or_else(|| no_such_element("field", &field))?;
    if asked.wants_bytes()? {
        return asked.answer_octets(value);
    }
    let shown = json!({ "field": json_bytes::show(&field), "value": json_bytes::show(&value) });
    asked.answer(StatusCode::OK, &shown)
}

/// Body of `PUT`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewField {
    value: Sent,
}

async fn put(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, field) = (full_key(asked)?, asked.place("field"));
    let value =
        if asked.content_is(OCTETS) { asked.bytes().await? } else { asked.record_json::<NewField>().await?.value.0 };
    let added = reply_shape::int(asked.call("HSET", [key, field, value]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "added": added > 0 }))
}

async fn delete(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, field) = (full_key(asked)?, asked.place("field"));
    let removed = reply_shape::int(asked.call("HDEL", [key, field]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "removed": removed > 0 }))
}

async fn increment(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, field) = (full_key(asked)?, asked.place("field"));
    let (name, by) = asked.json_or_default::<Increment>().await?.choose("HINCRBY", "HINCRBYFLOAT")?;
    let sum = reply_shape::number(asked.call(name, [key, field, by]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "value": sum }))
}

pub(super) fn no_such_element(what: &str, name: &[u8]) -> Problem {
    Problem::new(Kind::NO_SUCH_ELEMENT, format!("no {what} {}", json_bytes::show(name)))
}
