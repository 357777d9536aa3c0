//! What can be asked of a node, by path.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::admission::{Admission, admit};
use crate::prometheus::{self, Sample};

/// The node behind the door.
pub trait Inside: Send + Sync + 'static {
    /// Whether it takes reads and writes; if not, why.
    fn health(&self) -> Result<(), String>;

    /// Everything an operator may want to know at once.
    fn status(&self) -> serde_json::Value;

    /// Every number.
    fn samples(&self) -> Vec<Sample>;

    /// Whether links may be shaped; if not, the path for it does not exist.
    fn emulation_allowed(&self) -> bool;

    /// Makes the link to one peer as slow and lossy as asked.
    fn emulate(&self, link: &LinkEmulation) -> Result<(), Problem>;
}

/// Body of `POST /emulation`: shapes of links, each replacing the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulation {
    /// One for each peer; peers not named keep theirs.
    pub links: Vec<LinkEmulation>,
}

/// What distance does to datagrams from this node to one peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEmulation {
    /// The peer's node id.
    pub peer: u16,
    /// Added to each datagram, ms; at most a minute.
    #[serde(default)]
    pub one_way_ms: f64,
    /// Up to this much more, ms; at most a minute.
    #[serde(default)]
    pub jitter_ms: f64,
    /// Chance of each datagram to be lost, 0 to 100.
    #[serde(default)]
    pub loss_percent: f64,
    /// The wire's rate, at least 1000; none: unlimited.
    #[serde(default)]
    pub bandwidth_bytes_per_s: Option<u64>,
    /// Nothing gets through.
    #[serde(default)]
    pub cut: bool,
}

impl LinkEmulation {
    /// Checks every bound, NaN included; the error says which number and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: f64, max: f64| match (0.0..=max).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} = {value}: must be from 0 to {max}")),
        };
        within("one_way_ms", self.one_way_ms, DELAY_MS_MAX)?;
        within("jitter_ms", self.jitter_ms, DELAY_MS_MAX)?;
        within("loss_percent", self.loss_percent, 100.0)?;
        match self.bandwidth_bytes_per_s {
            Some(rate) if rate < BANDWIDTH_MIN => {
                Err(format!("bandwidth_bytes_per_s = {rate}: must be at least {BANDWIDTH_MIN}"))
            }
            _ => Ok(()),
        }
    }
}

/// All paths, behind admission, a limit on bodies and one on time.
pub(crate) fn router(inside: Arc<dyn Inside>, token: Option<&str>) -> Router {
    let guarded = Router::new()
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/emulation", post(emulation))
        .fallback(|| async { Problem::not_found("paths: /health, /status, /metrics") })
        .with_state(inside.clone());
    // A load balancer knows no token; whether a node is up is no secret.
    Router::new()
        .route("/health", get(health))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(inside)
        .merge(guard(guarded, token))
        .layer(middleware::from_fn(in_time))
}

/// Lets only those in who know the token, or without one those on purpose here; bounds bodies.
pub fn guard(router: Router, token: Option<&str>) -> Router {
    router
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(middleware::from_fn_with_state(Admission::new(token), admit))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn health(State(inside): State<Arc<dyn Inside>>) -> Response {
    match inside.health() {
        Ok(()) => Json(serde_json::json!({ "status": "ok" })).into_response(),
        Err(why) => Problem::unavailable(why).into_response(),
    }
}

async fn status(State(inside): State<Arc<dyn Inside>>) -> Json<serde_json::Value> {
    Json(inside.status())
}

async fn metrics(State(inside): State<Arc<dyn Inside>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], prometheus::text(&inside.samples()))
        .into_response()
}

async fn emulation(
    State(inside): State<Arc<dyn Inside>>,
    body: Result<Json<Emulation>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    if !inside.emulation_allowed() {
        return Err(Problem::not_found("links can only be shaped in a development world"));
    }
    let Json(asked) = body?;
    // All are checked before the first is applied: nothing half-done.
    for link in &asked.links {
        link.check().map_err(|wrong| Problem::invalid(format!("link to peer {}: {wrong}", link.peer)))?;
    }
    for link in &asked.links {
        inside.emulate(link)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::slow().into_response(),
    }
}

/// Bodies here are a shape for each peer: 63 of them take less.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Everything here is answered from memory; longer means that something hangs.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Longer than any link on Earth, satellites included.
const DELAY_MS_MAX: f64 = 60_000.0;
/// One datagram a second or so; less would be a cut.
const BANDWIDTH_MIN: u64 = 1000;
