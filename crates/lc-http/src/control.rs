//! The door of something that takes orders: how it is, and one order at a time.

use std::future::Future;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Problem, guard};

/// What stands behind such a door.
pub trait Control: Send + Sync + 'static {
    /// How it is.
    type View: Serialize + Send;
    /// What it can be told.
    type Order: DeserializeOwned + Send + 'static;
    /// What it answers when an order is done.
    type Done: Serialize + Send + 'static;

    /// How it is now.
    fn view(&self) -> impl Future<Output = Self::View> + Send;

    /// Carries out an order. Runs to its end even if whoever gave the order hangs up.
    fn obey(&self, order: Self::Order) -> impl Future<Output = Result<Self::Done, Problem>> + Send;
}

/// `GET /world` and `POST /orders`, for callers on this machine.
pub fn control_router<C: Control>(control: Arc<C>) -> Router {
    let routes = Router::new()
        .route("/world", get(view::<C>))
        .route("/orders", post(obey::<C>))
        .fallback(|| async { Problem::not_found("paths: /world, /orders") })
        .with_state(control);
    guard(routes, None)
}

async fn view<C: Control>(State(control): State<Arc<C>>) -> Json<C::View> {
    Json(control.view().await)
}

async fn obey<C: Control>(
    State(control): State<Arc<C>>,
    order: Result<Json<C::Order>, JsonRejection>,
) -> Result<Json<C::Done>, Problem> {
    let Json(order) = order?;
    let work = tokio::spawn(async move { control.obey(order).await });
    let done = work.await.map_err(|error| Problem::unavailable(format!("the order failed: {error}")))??;
    Ok(Json(done))
}
