//! The supervisor's own HTTP door, on loopback: the world as it is, and orders to change it.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::{get, post};
use axum::{Json, Router};
use lc_http::{Problem, guard};
use tokio::sync::Mutex;

use super::orders::{Done, Order, WorldView};
use super::world::World;

/// `GET /world` and `POST /orders`. Orders are carried out one after the other.
pub fn router(world: Arc<Mutex<World>>) -> Router {
    let routes = Router::new()
        .route("/world", get(view))
        .route("/orders", post(obey))
        .fallback(|| async { Problem::not_found("paths: /world, /orders") })
        .with_state(world);
    guard(routes, None)
}

async fn view(State(world): State<Arc<Mutex<World>>>) -> Json<WorldView> {
    Json(world.lock().await.view())
}

async fn obey(State(world): State<Arc<Mutex<World>>>, order: Result<Json<Order>, JsonRejection>) -> Result<Json<Done>, Problem> {
    let Json(order) = order?;
    // In its own task: an order that was begun is finished, even if whoever gave it hangs up.
    let work = tokio::spawn(async move { world.lock().await.obey(order).await });
    let done = work.await.map_err(|error| Problem::unavailable(format!("the order failed: {error}")))??;
    println!("{done}");
    Ok(Json(Done { done }))
}
