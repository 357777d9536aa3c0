//! Scores of a sorted set, by range and one by one.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use lc_db::Reply;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::no_such_element;
use super::increment::Increment;
use super::parameters::{LIMIT, LIMIT_DEFAULT, LIMIT_MAX, READS, WRITES};
use crate::Problem;
use crate::asked::{Asked, said, word};
use crate::errors::Kind;
use crate::json_bytes::{self, Sent};
use crate::parameter::{Parameter, ParameterKind};
use crate::record_key::full_key;
use crate::reply_shape;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/scores",
        group: Group::Scores,
        summary: "Lists members with their scores, by score. A record that is not there has none.",
        query: &[FROM, TO, DESCENDING, OFFSET, LIMIT],
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Members with scores in the range.", body: Body::Json("Scores") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/tables/{table}/records/{key}/scores/{member}",
        group: Group::Scores,
        summary: "Reads a member's score.",
        query: &[],
        headers: READS,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Its score.", body: Body::Json("Score") }],
        problems: &[Kind::NO_SUCH_ELEMENT, Kind::WRONG_TYPE],
        answer: |asked| Box::pin(show(asked)),
    },
    Route {
        verb: Verb::Put,
        path: "/v1/tables/{table}/records/{key}/scores/{member}",
        group: Group::Scores,
        summary: "Sets a member's score.",
        query: &[],
        headers: WRITES,
        takes: Takes::Json("NewScore"),
        gives: &[Gives { status: 200, meaning: "Whether the member is new.", body: Body::Json("Added") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(put(asked)),
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/tables/{table}/records/{key}/scores/{member}",
        group: Group::Scores,
        summary: "Removes what this region sees of a member.",
        query: &[],
        headers: WRITES,
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Whether there was one.", body: Body::Json("Removed") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(delete(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/tables/{table}/records/{key}/scores/{member}/increment",
        group: Group::Scores,
        summary: "Adds to a member's score. Increments of all regions add up.",
        query: &[],
        headers: WRITES,
        takes: Takes::MaybeJson("Increment"),
        gives: &[Gives { status: 200, meaning: "The sum, as this region sees it.", body: Body::Json("Sum") }],
        problems: &[Kind::WRONG_TYPE],
        answer: |asked| Box::pin(increment(asked)),
    },
];

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let limit = asked.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let offset = asked.number("offset", 0, OFFSET_MAX)?.unwrap_or(0);
    let from = said(asked.parameter("from").unwrap_or("-inf"));
    let to = said(asked.parameter("to").unwrap_or("+inf"));
    let (name, bounds) =
        if asked.flag("descending")? { ("ZREVRANGEBYSCORE", [to, from]) } else { ("ZRANGEBYSCORE", [from, to]) };
    let window = [word("WITHSCORES"), word("LIMIT"), said(offset), said(limit)];
    let arguments: Vec<Bytes> = std::iter::once(full_key(asked)?).chain(bounds).chain(window).collect();
    let scores = show_all(asked.call(name, arguments).await?)?;
    asked.answer(StatusCode::OK, &json!({ "scores": scores }))
}

/// Members with scores as JSON shows them.
pub(super) fn show_all(reply: Reply) -> Result<Value, Problem> {
    let show = |(member, score): (Reply, Reply)| {
        let member = json_bytes::show(&reply_shape::bytes(member)?);
        Ok(json!({ "member": member, "score": reply_shape::number(score)? }))
    };
    reply_shape::pairs(reply)?.into_iter().map(show).collect()
}

async fn show(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    match asked.call("ZSCORE", [key, member.clone()]).await? {
        Reply::Nil => Err(no_such_element("member", &member)),
        score => {
            let shown = json!({ "member": json_bytes::show(&member), "score": reply_shape::number(score)? });
            asked.answer(StatusCode::OK, &shown)
        }
    }
}

/// Body of `PUT`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewScore {
    score: Sent,
}

async fn put(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let NewScore { score: Sent(score) } = asked.record_json().await?;
    let added = reply_shape::int(asked.call("ZADD", [key, score, member]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "added": added > 0 }))
}

async fn delete(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let removed = reply_shape::int(asked.call("ZREM", [key, member]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "removed": removed > 0 }))
}

async fn increment(asked: &mut Asked) -> Result<Response, Problem> {
    let (key, member) = (full_key(asked)?, asked.place("member"));
    let (name, by) = asked.json_or_default::<Increment>().await?.choose("ZINCRBY", "ZINCRBY")?;
    let sum = reply_shape::number(asked.call(name, [key, by, member]).await?)?;
    asked.answer(StatusCode::OK, &json!({ "value": sum }))
}

const FROM: Parameter = Parameter {
    name: "from",
    kind: ParameterKind::Text,
    meaning: "Lowest score; with `(` in front, above it. None: from the lowest there is.",
};
const TO: Parameter = Parameter {
    name: "to",
    kind: ParameterKind::Text,
    meaning: "Highest score; with `(` in front, below it. None: to the highest there is.",
};
const DESCENDING: Parameter =
    Parameter { name: "descending", kind: ParameterKind::Flag, meaning: "The highest score first." };
const OFFSET: Parameter =
    Parameter { name: "offset", kind: ParameterKind::Whole, meaning: "How many to skip, up to 1,000,000 (0)." };
/// Skipping looks at each one.
const OFFSET_MAX: usize = 1_000_000;
