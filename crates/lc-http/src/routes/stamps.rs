//! Values whose stamp lies ahead of the time, and writing them anew.

use axum::response::Response;
use serde::Deserialize;

use super::parameters::{LIMIT_DEFAULT, LIMIT_MAX};
use super::tables::relay;
use crate::asked::Asked;
use crate::errors::Kind;
use crate::json_bytes::Sent;
use crate::parameter::{Parameter, ParameterKind};
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/stamps",
        group: Group::Conflicts,
        summary: "Lists values whose stamp is ahead of the time: a node whose clock ran ahead wrote them.",
        query: &[AHEAD, TABLE, AFTER, LIMIT],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            meaning: "A page of them; it may be short, or empty, before the last.",
            body: Body::Json("Stamps"),
        }],
        problems: &[Kind::NO_SUCH_TABLE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/stamps/rewrite",
        group: Group::Conflicts,
        summary: "Writes such values of some keys anew, stamped by this node's clock: what is written later elsewhere wins again.",
        query: &[],
        headers: &[],
        takes: Takes::Json("RewriteStamps"),
        gives: &[Gives { status: 200, meaning: "They are written.", body: Body::Json("RewrittenStamps") }],
        problems: &[],
        answer: |asked| Box::pin(rewrite(asked)),
    },
];

/// The body of a rewrite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    keys: Vec<Sent>,
    #[serde(default = "ahead_ms_default")]
    ahead_ms: u64,
}

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let table = asked.parameter("table").map(str::to_owned);
    let after = asked.parameter("after").map(str::to_owned);
    let ahead_ms = asked.number("ahead_ms", 0, AHEAD_MS_MAX)?.unwrap_or(ahead_ms_default());
    let limit = asked.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    relay(asked, ControlRequest::Stamps { ahead_ms, table, after, limit }).await
}

async fn rewrite(asked: &mut Asked) -> Result<Response, Problem> {
    let Rewrite { keys, ahead_ms } = asked.order_json().await?;
    if keys.is_empty() || keys.len() > LIMIT_MAX || ahead_ms > AHEAD_MS_MAX {
        return Err(Problem::invalid(format!("1 to {LIMIT_MAX} keys, and ahead_ms of at most {AHEAD_MS_MAX}")));
    }
    let keys = keys.into_iter().map(|key| key.0).collect();
    relay(asked, ControlRequest::RewriteStamps { keys, ahead_ms }).await
}

fn ahead_ms_default() -> u64 {
    1000
}

/// Ten years.
const AHEAD_MS_MAX: u64 = 10 * 366 * 24 * 3_600_000;

const AHEAD: Parameter = Parameter {
    name: "ahead_ms",
    kind: ParameterKind::Whole,
    meaning: "Only those more than this ahead of this node's clock (1000).",
};
const TABLE: Parameter = Parameter { name: "table", kind: ParameterKind::Text, meaning: "Only of this table." };
const AFTER: Parameter =
    Parameter { name: "after", kind: ParameterKind::Text, meaning: "`next` of the page before, of the same node." };
const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Whole, meaning: "How many at most, 1 to 1000 (100)." };
