//! Records: values of any type by key, with conditions, expiry and concurrent values.

use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use lc_db::Reply;
use serde::Deserialize;
use serde_json::{Value, json};

use super::increment::Increment;
use super::parameters::{
    ACK, CURSOR, IF_MATCH, IF_NONE_MATCH, LIMIT, LIMIT_DEFAULT, LIMIT_MAX, MATCH, RAW, READS, READS_VALUE, SESSION,
    WRITES,
};
use crate::Problem;
use crate::asked::{Asked, OCTETS, said, word, words};
use crate::condition::Condition;
use crate::errors::{Kind, etag};
use crate::json_bytes::{self, Sent};
use crate::parameter::{Parameter, ParameterKind};
use crate::record_key::{self, full_key};
use crate::reply_shape;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::siblings::{Siblings, StringRecord};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records",
        group: Group::Records,
        summary: "Lists a table's keys, a page at a time. A key that is there throughout comes once.",
        query: &[CURSOR, MATCH, LIMIT, TYPE],
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "A page of keys.", body: Body::Json("Keys") }],
        problems: &[Kind::ELSEWHERE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}",
        group: Group::Records,
        summary: "Reads a record of any type; of a string also its context and its concurrent values.",
        query: &[RAW],
        headers: READS_VALUE,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "The record.", body: Body::JsonOrBytes("Record") }],
        problems: &[Kind::NO_SUCH_RECORD, Kind::WRONG_TYPE, Kind::ELSEWHERE],
        answer: |asked| Box::pin(show(asked)),
    },
    Route {
        verb: Verb::Put,
        path: "/v1/tables/{table}/records/{key}",
        group: Group::Records,
        summary: "Sets a record to a string, whatever it was before, unless a condition forbids it.",
        query: &[TTL],
        headers: &[SESSION, ACK, IF_MATCH, IF_NONE_MATCH],
        takes: Takes::JsonOrBytes("NewValue"),
        gives: &[
            Gives { status: 200, meaning: "It is set.", body: Body::Json("Written") },
            Gives { status: 201, meaning: "It is made, as If-None-Match asked.", body: Body::Json("Written") },
        ],
        problems: &[Kind::CHANGED, Kind::WRONG_TYPE, Kind::ELSEWHERE],
        answer: |asked| Box::pin(put(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}/records/{key}",
        group: Group::Records,
        summary: "Removes what this region sees of a record; a concurrent write elsewhere stays.",
        query: &[],
        headers: &[SESSION, ACK, IF_MATCH],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether there was one.", body: Body::Json("Removed") }],
        problems: &[Kind::CHANGED, Kind::WRONG_TYPE, Kind::ELSEWHERE],
        answer: |asked| Box::pin(delete(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/tables/{table}/records/{key}/increment",
        group: Group::Records,
        summary: "Adds to a counter. Increments of all regions add up.",
        query: &[],
        headers: WRITES,
        takes: Takes::MaybeJson("Increment"),
        gives: &[Gives { status: 200, meaning: "The sum, as this region sees it.", body: Body::Json("Sum") }],
        problems: &[Kind::WRONG_TYPE, Kind::ELSEWHERE],
        answer: |asked| Box::pin(increment(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/tables/{table}/records/{key}/resolve",
        group: Group::Records,
        summary: "Replaces the concurrent values that a context names with one; values it does not name stay.",
        query: &[],
        headers: WRITES,
        takes: Takes::Json("Resolution"),
        gives: &[Gives { status: 200, meaning: "They are replaced.", body: Body::Json("Resolved") }],
        problems: &[Kind::CHANGED, Kind::WRONG_TYPE, Kind::ELSEWHERE],
        answer: |asked| Box::pin(resolve(asked)),
    },
    Route {
        verb: Verb::Put,
        path: "/v1/tables/{table}/records/{key}/expiry",
        group: Group::Records,
        summary: "Lets a record of any type end. Of concurrent choices the latest moment holds.",
        query: &[],
        headers: WRITES,
        takes: Takes::Json("Expiry"),
        gives: &[Gives { status: 200, meaning: "It will end.", body: Body::Json("Expiry") }],
        problems: &[Kind::NO_SUCH_RECORD, Kind::ELSEWHERE],
        answer: |asked| Box::pin(expire(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}/records/{key}/expiry",
        group: Group::Records,
        summary: "Lets a record stay.",
        query: &[],
        headers: WRITES,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether it would have ended.", body: Body::Json("Removed") }],
        problems: &[Kind::ELSEWHERE],
        answer: |asked| Box::pin(persist(asked)),
    },
];

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let table = record_key::table(asked)?;
    let pattern = record_key::pattern(&table, asked.parameter("match").unwrap_or("*"));
    let count = asked.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let cursor = said(asked.parameter("cursor").unwrap_or("0"));
    let mut arguments = vec![cursor, word("MATCH"), pattern, word("COUNT"), said(count)];
    if let Some(kind) = asked.parameter("type") {
        arguments.extend([word("TYPE"), said(kind)]);
    }
    let (next, found) = reply_shape::page(asked.call("SCAN", arguments).await?)?;
    let database = asked.exchange.database()?;
    let keys = reply_shape::bytes_list(found)?;
    let within = keys.iter().filter_map(|key| record_key::within(&*database, &table, key));
    let keys: Value = within.map(|key| json_bytes::show(&key)).collect();
    asked.answer(StatusCode::OK, &json!({ "keys": keys, "next": next }))
}

async fn show(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    match show_string(asked, &key).await {
        Err(problem) if problem.is(Kind::WRONG_TYPE) => show_collection(asked, &key).await,
        outcome => outcome,
    }
}

async fn show_string(asked: &mut Asked, key: &Bytes) -> Result<Response, Problem> {
    // One command, so that value and context are of one moment, and other regions are asked once.
    let StringRecord { value, siblings, ttl_ms } = StringRecord::of(asked.call("RECORD", [key.clone()]).await?)?;
    let value = value.ok_or_else(|| no_such_record(asked))?;
    let mut response = if asked.wants_bytes()? {
        asked.answer_octets(value)?
    } else {
        let mut record = record(asked, "string", json_bytes::show(&value));
        record["context"] = siblings.context.as_str().into();
        if siblings.values.len() > 1 {
            record["siblings"] = siblings.show();
        }
        record["ttl_ms"] = ttl_ms.into();
        asked.answer(StatusCode::OK, &record)?
    };
    if let Some(etag) = etag(&siblings.context) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

async fn show_collection(asked: &mut Asked, key: &Bytes) -> Result<Response, Problem> {
    if asked.wants_bytes()? {
        return Err(Problem::new(Kind::WRONG_TYPE, "only a string has bytes of its own: this record is a collection"));
    }
    let kind = reply_shape::text(asked.call("TYPE", [key.clone()]).await?)?;
    // Between two commands a record may become one of another type: that passes.
    let passing = |problem: Problem| match problem.is(Kind::WRONG_TYPE) {
        true => Problem::new(Kind::RETRY, "the record changed its type while it was read"),
        false => problem,
    };
    let (kind, value) = match kind.as_str() {
        "hash" => ("hash", hash(asked, key).await.map_err(passing)?),
        "set" => ("set", set(asked, key).await.map_err(passing)?),
        "zset" => ("zset", sorted_set(asked, key).await.map_err(passing)?),
        "none" => return Err(no_such_record(asked)),
        _ => return Err(passing(Problem::new(Kind::WRONG_TYPE, ""))),
    };
    let mut record = record(asked, kind, value);
    record["ttl_ms"] = ttl_ms(asked, key).await?;
    asked.answer(StatusCode::OK, &record)
}

async fn hash(asked: &mut Asked, key: &Bytes) -> Result<Value, Problem> {
    check_length(asked, "HLEN", key, "fields").await?;
    Ok(json_bytes::show_named(&reply_shape::named(asked.call("HGETALL", [key.clone()]).await?)?))
}

async fn set(asked: &mut Asked, key: &Bytes) -> Result<Value, Problem> {
    check_length(asked, "SCARD", key, "members").await?;
    let members = reply_shape::bytes_list(asked.call("SMEMBERS", [key.clone()]).await?)?;
    Ok(members.iter().map(|member| json_bytes::show(member)).collect())
}

async fn sorted_set(asked: &mut Asked, key: &Bytes) -> Result<Value, Problem> {
    check_length(asked, "ZCARD", key, "scores").await?;
    let all = [key.clone(), word("0"), word("-1"), word("WITHSCORES")];
    super::scores::show_all(asked.call("ZRANGE", all).await?)
}

async fn check_length(asked: &mut Asked, name: &'static str, key: &Bytes, part: &str) -> Result<(), Problem> {
    let length = reply_shape::int(asked.call(name, [key.clone()]).await?)?;
    if length <= ELEMENTS_MAX {
        return Ok(());
    }
    let detail =
        format!("{length} {part}, and a record is answered whole up to {ELEMENTS_MAX}: page through .../{part}");
    Err(Problem::new(Kind::TOO_LARGE, detail))
}

/// Milliseconds until a record ends; null if it does not.
async fn ttl_ms(asked: &mut Asked, key: &Bytes) -> Result<Value, Problem> {
    let left = reply_shape::int(asked.call("PTTL", [key.clone()]).await?)?;
    Ok(if left >= 0 { Value::from(left) } else { Value::Null })
}

fn record(asked: &Asked, kind: &str, value: Value) -> Value {
    json!({ "key": json_bytes::show(&asked.place("key")), "type": kind, "value": value })
}

pub(super) fn no_such_record(asked: &Asked) -> Problem {
    Problem::new(Kind::NO_SUCH_RECORD, format!("no record of key {}", json_bytes::show(&asked.place("key"))))
}

/// Body of `PUT`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewValue {
    value: Sent,
    #[serde(default)]
    ttl_ms: Option<u64>,
}

async fn put(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, condition) = (full_key(asked)?, Condition::of(&asked.headers)?);
    let NewValue { value: Sent(value), ttl_ms } = new_value(asked).await?;
    let mut arguments = vec![key.clone(), value.clone()];
    if let Some(ttl_ms) = ttl_ms {
        arguments.extend([word("PX"), said(ttl_ms)]);
    }
    arguments.extend(condition.set_words());
    let outcome = asked.call("SET", arguments).await;
    unless_changed(asked, &key, outcome).await?;
    let status = if condition == Condition::Absent { StatusCode::CREATED } else { StatusCode::OK };
    answer_written(asked, status, &key, &value, json!({})).await
}

async fn new_value(asked: &mut Asked) -> Result<NewValue, Problem> {
    let ttl_ms = asked.number("ttl_ms", 1, u64::MAX)?;
    if asked.content_is(OCTETS) {
        return Ok(NewValue { value: Sent(asked.bytes().await?), ttl_ms });
    }
    if !asked.content_is("application/json") {
        let detail = format!("send the body as 'Content-Type: application/json' or '{OCTETS}'");
        return Err(Problem::new(Kind::NOT_JSON, detail));
    }
    if ttl_ms.is_some() {
        return Err(Problem::invalid("ttl_ms stands in the body when that is JSON"));
    }
    asked.record_json().await
}

/// Tells a conditional write that did not happen what the record is now.
async fn unless_changed(asked: &mut Asked, key: &Bytes, outcome: Result<Reply, Problem>) -> Result<Reply, Problem> {
    let problem = match outcome {
        Ok(Reply::Nil | Reply::NilArray) => Problem::new(Kind::CHANGED, "the record is not as the condition expects"),
        Err(problem) if problem.is(Kind::CHANGED) => problem,
        outcome => return outcome,
    };
    let now = asked.exchange.glance(words("SIBLINGS", [key.clone()])).await.and_then(Siblings::of);
    Err(problem.with_context(now.ok().map(|siblings| siblings.context)))
}

/// Answers what was written, beside what `written` says already.
async fn answer_written(
    asked: &mut Asked,
    status: StatusCode,
    key: &Bytes,
    value: &Bytes,
    mut written: Value,
) -> Result<Response, Problem> {
    let context = context_of(asked, key, value).await;
    written["key"] = json_bytes::show(&asked.place("key"));
    written["context"] = context.as_deref().into();
    let mut response = asked.answer(status, &written)?;
    if let Some(etag) = context.as_deref().and_then(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// The context of a value that was just written. None if the record is no longer that value alone: a context that names
/// more than the client knows of would let it replace a write that it never saw.
async fn context_of(asked: &mut Asked, key: &Bytes, value: &Bytes) -> Option<String> {
    let reply = asked.exchange.glance(words("SIBLINGS", [key.clone()])).await.ok()?;
    let siblings = Siblings::of(reply).ok()?;
    matches!(siblings.values.as_slice(), [one] if one.value == value).then_some(siblings.context)
}

async fn delete(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, condition) = (full_key(asked)?, Condition::of(&asked.headers)?);
    let outcome = match &condition {
        Condition::Any | Condition::Present => asked.call("DEL", [key.clone()]).await,
        Condition::Context(context) => {
            let context = said(context);
            asked.call("DELEX", [key.clone(), word("IFCONTEXT"), context]).await
        }
        Condition::Absent => return Err(Problem::invalid("If-None-Match: a record that is not there has no DELETE")),
    };
    let outcome = match outcome {
        Ok(Reply::Int(0)) if condition != Condition::Any => Ok(Reply::Nil),
        outcome => outcome,
    };
    let removed = reply_shape::int(unless_changed(asked, &key, outcome).await?)?;
    asked.answer(StatusCode::OK, &json!({ "removed": removed > 0 }))
}

async fn increment(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    let (name, by) = asked.json_or_default::<Increment>().await?.choose("INCRBY", "INCRBYFLOAT")?;
    let sum = reply_shape::number(asked.call(name, [key, by]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "value": sum }))
}

/// Body of `resolve`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    context: String,
    value: Sent,
}

async fn resolve(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    let Resolution { context, value: Sent(value) } = asked.record_json().await?;
    let outcome = asked.call("RESOLVE", [key.clone(), said(context), value.clone()]).await;
    let values = reply_shape::int(unless_changed(asked, &key, outcome).await?)?;
    let more = json!({ "values": values });
    answer_written(asked, StatusCode::OK, &key, &value, more).await
}

/// Body of `PUT .../expiry`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChosenExpiry {
    ttl_ms: u64,
}

async fn expire(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    let ChosenExpiry { ttl_ms } = asked.order_json().await?;
    match reply_shape::int(asked.call("PEXPIRE", [key, said(ttl_ms)]).await?)? {
        0 => Err(no_such_record(asked)),
        _ => asked.answer(StatusCode::OK, &json!({ "ttl_ms": ttl_ms })),
    }
}

async fn persist(asked: &mut Asked) -> Result<Response, Problem> {
    let key = full_key(asked)?;
    let changed = reply_shape::int(asked.call("PERSIST", [key]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "removed": changed > 0 }))
}

const TYPE: Parameter = Parameter {
    name: "type",
    kind: ParameterKind::Text,
    meaning: "Only records of this type: `string`, `hash`, `set` or `zset`.",
};
const TTL: Parameter = Parameter {
    name: "ttl_ms",
    kind: ParameterKind::Whole,
    meaning: "When the body is bytes: the record ends after so many milliseconds. None: it does not end.",
};
/// A collection is answered whole up to this; 10,000 elements of 100 bytes are a megabyte of JSON.
const ELEMENTS_MAX: i64 = 10_000;
