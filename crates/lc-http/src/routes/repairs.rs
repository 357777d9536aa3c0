//! Replacing what differs from another region by what that region has.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::tables::{control, relay};
use crate::asked::Asked;
use crate::errors::Kind;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/repairs",
        group: Group::Repairs,
        summary: "Says which regions have other records than this node, how far a repair is, and how the last one ended.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "What is known.", body: Body::Json("Repairs") }],
        problems: &[],
        answer: |asked| Box::pin(list(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/repairs",
        group: Group::Repairs,
        summary: "Compares all records of this node with a region's, and replaces what differs by what that region has. Both go on taking writes.",
        query: &[],
        headers: &[],
        takes: Takes::MaybeJson("NewRepair"),
        gives: &[Gives { status: 202, meaning: "It has begun.", body: Body::Json("Repairs") }],
        problems: &[
            Kind::NOT_FOUND,
            Kind::CONFLICT,
            Kind::REPAIR_UNDER_WAY,
            Kind::CATCHING_UP,
            Kind::UNREACHABLE,
            Kind::UNAVAILABLE,
        ],
        answer: |asked| Box::pin(begin(asked)),
    },
];

/// The body of a request for a repair.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRepair {
    from: Option<String>,
}

async fn list(asked: &mut Asked) -> Result<Response, Problem> {
    relay(asked, ControlRequest::Repairs).await
}

async fn begin(asked: &mut Asked) -> Result<Response, Problem> {
    let NewRepair { from } = asked.json_or_default().await?;
    let begun = control(asked, ControlRequest::BeginRepair { from }).await?;
    asked.answer(StatusCode::ACCEPTED, &begun)
}
