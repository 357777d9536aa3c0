//! Writes that lost, and putting a value back.

use axum::response::Response;

use super::parameters::{LIMIT_DEFAULT, LIMIT_MAX};
use super::tables::relay;
use crate::asked::Asked;
use crate::errors::Kind;
use crate::parameter::{Parameter, ParameterKind};
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/conflicts",
        group: Group::Conflicts,
        summary: "Lists writes that lost against concurrent ones, the oldest first.",
        query: &[TABLE, AFTER, LIMIT],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "A page of conflicts.", body: Body::Json("Conflicts") }],
        problems: &[Kind::NO_SUCH_TABLE],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/conflicts/{id}/restore",
        group: Group::Conflicts,
        summary: "Writes a value that lost again, as a new write of this region.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It is written.", body: Body::Json("Conflict") }],
        problems: &[Kind::NOT_FOUND, Kind::CONFLICT],
        answer: |asked| Box::pin(restore(asked)),
    },
];

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    let table = asked.parameter("table").map(str::to_owned);
    let after = asked.parameter("after").map(str::to_owned);
    let limit = asked.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    relay(asked, ControlRequest::Conflicts { table, after, limit }).await
}

async fn restore(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::RestoreConflict { id: asked.place_text("id")? }).await
}

const TABLE: Parameter = Parameter { name: "table", kind: ParameterKind::Text, meaning: "Only of this table." };
const AFTER: Parameter = Parameter {
    name: "after",
    kind: ParameterKind::Text,
    meaning: "Only those after this id: `next` of the page before, or the last id seen.",
};
const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Whole, meaning: "How many at most, 1 to 1000 (100)." };
