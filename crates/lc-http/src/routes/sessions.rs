//! Sessions: a token to start with, for those who write before they read.

use axum::http::StatusCode;
use axum::response::Response;

use super::tables::control;
use crate::asked::Asked;
use crate::errors::Kind;
use crate::route::{Body, Gives, Group, Route, Takes, Verb};
use crate::{ControlRequest, Problem};

pub(super) static ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/v1/sessions",
        group: Group::Sessions,
        summary: "Starts a session. Every reply about records carries a token as well, so this is seldom needed.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 201, meaning: "Its token, in the header too.", body: Body::Json("Session") }],
        problems: &[],
        answer: |asked| Box::pin(start(asked)),
    },
    Route {
        verb: Verb::Post,
        path: "/v1/session-keys",
        group: Group::Sessions,
        summary: "Makes a new key that signs session tokens. Tokens of the key before it hold until the next one is made; older ones do not.",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[Gives { status: 201, meaning: "The new key signs; it is not shown.", body: Body::Json("SessionKey") }],
        problems: &[Kind::CONFLICT],
        answer: |asked| Box::pin(rotate(asked)),
    },
];

async fn start(asked: &mut Asked) -> Result<Response, Problem> {
    let session = control(asked, ControlRequest::NewSession).await?;
    if let Some(token) = session["session"].as_str() {
        asked.exchange.resume(token);
    }
    asked.answer(StatusCode::CREATED, &session)
}

async fn rotate(asked: &mut Asked) -> Result<Response, Problem> {
    let key = control(asked, ControlRequest::RotateSessionKey).await?;
    asked.answer(StatusCode::CREATED, &key)
}
