//! For tests: an HTTP door as lc-http serves it, with made-up answers behind it, that remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What came in: `PATCH /v1/tables/carts?dry_run=true`, and its body.
pub type Asked = (String, Value);

/// An open door.
pub struct TestDoor {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestDoor {
    /// Opens a door that answers each question with a status and a body.
    pub async fn open(answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> TestDoor {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (remembered, answer) = (asked.clone(), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let (remembered, answer) = (remembered.clone(), answer.clone());
            async move {
                let question = format!("{} {}", request.method(), request.uri());
                let bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a short body");
                let body = serde_json::from_slice(&bytes).unwrap_or_default();
                let said = answer(&question, &body);
                remembered.lock().expect("no test panics inside").push((question, body));
                respond(said)
            }
        });
        tokio::spawn(lc_http::serve_router(listener, router, |stream| async { Ok(stream) }, std::future::pending()));
        TestDoor { address, asked }
    }

    /// As an option wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics inside").clone()
    }
}

/// A problem document with this code.
pub fn problem(status: u16, code: &str, detail: &str) -> (u16, Value) {
    (status, json!({ "title": "A problem", "status": status, "code": code, "detail": detail }))
}

fn respond((status, body): (u16, Value)) -> Response {
    let kind = if status < 300 { "application/json" } else { "application/problem+json" };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
