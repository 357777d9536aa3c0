//! How the node is, for load balancers, people and Prometheus; the shapes of a development world's links.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::asked::Asked;
use crate::errors::Kind;
use crate::inside::Emulation;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{Problem, prometheus};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/health",
        group: Group::Operations,
        summary: "Says whether the node takes reads and writes. Needs no token.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "It does.", body: Body::Json("Health") }],
        problems: &[Kind::UNAVAILABLE],
        answer: |asked| Box::pin(health(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/status",
        group: Group::Operations,
        summary: "Everything an operator may want to know at once.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "The node's status.", body: Body::Json("Status") }],
        problems: &[Kind::BUSY],
        answer: |asked| Box::pin(status(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/metrics",
        group: Group::Operations,
        summary: "Every number, as Prometheus reads it.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "Samples.", body: Body::Text }],
        problems: &[],
        answer: |asked| Box::pin(metrics(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/emulation",
        group: Group::Operations,
        summary: "Makes links slow, lossy or cut; in a development world only.",
        query: &[],
        headers: &[],
        takes: Takes::Json("Emulation"),
        gives: &[Gives { status: 204, meaning: "All links named have their shape.", body: Body::Nothing }],
        problems: &[Kind::NOT_FOUND],
        answer: |asked| Box::pin(emulation(asked)),
    },
    Route {
        verb: Verb::Get,
        path: "/v1/openapi.json",
        group: Group::Operations,
        summary: "This description, as OpenAPI 3.1.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 200, meaning: "The description.", body: Body::Json("Description") }],
        problems: &[Kind::BUSY],
        answer: |asked| Box::pin(description(asked)),
    },
];

async fn health(asked: &mut Asked) -> Result<Response, Problem> {
    asked.behind.inside.health().map_err(Problem::unavailable)?;
    asked.answer(StatusCode::OK, &json!({ "status": "ok" }))
}

async fn status(asked: &mut Asked) -> Result<Response, Problem> {
    asked.answer(StatusCode::OK, &asked.behind.inside.status())
}

async fn metrics(asked: &mut Asked) -> Result<Response, Problem> {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], prometheus::text(&asked.behind.inside.samples())).into_response())
}

async fn emulation(asked: &mut Asked) -> Result<Response, Problem> {
    let inside = asked.behind.inside.clone();
    if !inside.emulation_allowed() {
        return Err(Problem::not_found("links can only be shaped in a development world"));
    }
    let shapes: Emulation = asked.order_json().await?;
    // All are checked before the first is applied: nothing half-done.
    for link in &shapes.links {
        link.check().map_err(|wrong| Problem::invalid(format!("link to peer {}: {wrong}", link.peer)))?;
    }
    for link in &shapes.links {
        inside.emulate(link)?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn description(asked: &mut Asked) -> Result<Response, Problem> {
    asked.answer(StatusCode::OK, &(asked.behind.description)())
}
