//! What can go wrong at this door, and the one place where it becomes a status and a problem document.

use std::io;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lc_core::Fault;
use serde::Serialize;

/// A refused request, as RFC 9457 writes it. Programs match on `code`, which stays; people read `detail`, which may change.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Problem {
    /// What it is, in a few words; the same for the same code.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Stable name of the problem.
    pub code: &'static str,
    /// What exactly is wrong, and what would be right.
    pub detail: String,
}

impl Problem {
    /// No such path, or something that the path names does not exist.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// A request that is wrong and will stay wrong.
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request", detail)
    }

    /// The node cannot do it now.
    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail)
    }

    /// The token is missing or wrong.
    pub(crate) fn unauthorized() -> Problem {
        let detail = "send the node's token as 'Authorization: Bearer TOKEN'";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
    }

    /// A request that a web page may have been made to send.
    pub(crate) fn foreign_host() -> Problem {
        let detail = "without a token this door answers to 'localhost' and IP addresses only; set http.token_file for other names";
        Problem::new(StatusCode::FORBIDDEN, "foreign_host", "Host name not allowed", detail)
    }

    /// The path knows other methods.
    pub(crate) fn method() -> Problem {
        let detail = "this path knows other methods: see the Allow header";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
    }

    /// The answer took too long.
    pub(crate) fn slow() -> Problem {
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "Timeout", "the node did not answer in time")
    }

    /// The status and code for each thing that an error can mean.
    pub fn of_fault(fault: Fault, detail: impl Into<String>) -> Problem {
        match fault {
            Fault::Caller => Problem::invalid(detail),
            Fault::Conflict => Problem::new(StatusCode::CONFLICT, "conflict", "Conflict", detail),
            Fault::Retry => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "retry", "Try again", detail),
            Fault::Unavailable => Problem::unavailable(detail),
            Fault::Stop => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "stopped", "The node must stop", detail),
        }
    }

    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { title, status: status.as_u16(), code, detail: detail.into() }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        let status = rejection.status();
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
            _ => return Problem::invalid(rejection.body_text()),
        };
        Problem::new(status, code, "Unusable body", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let unauthorized = status == StatusCode::UNAUTHORIZED;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Why the door could not open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What the owner of the door can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Listen { .. } => Fault::Stop,
        }
    }
}
