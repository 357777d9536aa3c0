//! What can go wrong at this door, and the one place where it becomes a status and a problem document.

use std::io;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lc_core::Fault;
use serde::Serialize;

pub(crate) use self::kind::Kind;

mod kind;

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
    /// The context that a record has, where another one was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Seconds after which the same request may succeed; said in `Retry-After`.
    #[serde(skip)]
    retry_after_s: Option<u8>,
}

impl Problem {
    /// No such path, or something that the path names does not exist.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::NOT_FOUND, detail)
    }

    /// No table of this name is declared.
    pub fn no_such_table(name: &str) -> Problem {
        Problem::new(Kind::NO_SUCH_TABLE, format!("no table '{name}' is declared: see GET /v1/tables"))
    }

    /// A request that is wrong and will stay wrong.
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::INVALID, detail)
    }

    /// A table, region or invitation of this name is there already.
    pub fn already_exists(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::ALREADY_EXISTS, detail)
    }

    /// Somebody else was first, such as when a policy's version is not the expected one.
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::CONFLICT, detail)
    }

    /// Dials that promise what cannot be kept; the detail names the nearest that can.
    pub fn refused(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::REFUSED, detail)
    }

    /// A setting whose machinery is not built; the detail names the nearest that is.
    pub fn not_yet(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::NOT_YET, detail)
    }

    /// Something that this node does not do, such as signing certificates without the authority's key.
    pub fn not_offered(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::NOT_OFFERED, detail)
    }

    /// A token of a session or an invitation that cannot be used.
    pub fn bad_token(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::BAD_TOKEN, detail)
    }

    /// A repair goes on already.
    pub fn repair_under_way(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::REPAIR_UNDER_WAY, detail)
    }

    /// Records are being got from other regions.
    pub fn catching_up(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::CATCHING_UP, detail)
    }

    /// A region that this needs cannot be reached.
    pub fn unreachable(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::UNREACHABLE, detail)
    }

    /// The node cannot do it now.
    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::UNAVAILABLE, detail)
    }

    /// The token is missing or wrong.
    pub(crate) fn unauthorized() -> Problem {
        Problem::new(Kind::UNAUTHORIZED, "send the node's token as 'Authorization: Bearer TOKEN'")
    }

    /// Strangers knocked too often.
    pub(crate) fn too_many_tries() -> Problem {
        Problem::new(Kind::TOO_MANY_TRIES, "too many tries by callers without the node's token: try again in a second")
    }

    /// A request that a web page may have been made to send.
    pub(crate) fn foreign_host() -> Problem {
        let detail = "without a token this door answers to 'localhost' and IP addresses only; set http.token_file for other names";
        Problem::new(Kind::FOREIGN_HOST, detail)
    }

    /// A request that a web page of another machine made a browser send.
    pub(crate) fn foreign_origin() -> Problem {
        let detail = "without a token this door answers no web pages but those of 'localhost' and IP addresses; set http.token_file for others";
        Problem::new(Kind::FOREIGN_ORIGIN, detail)
    }

    /// The path knows other methods.
    pub(crate) fn method() -> Problem {
        Problem::new(Kind::METHOD, "this path knows other methods: see the Allow header")
    }

    /// The answer took too long.
    pub(crate) fn slow() -> Problem {
        Problem::new(Kind::TIMEOUT, "the node did not answer in time")
    }

    /// The status and code for each thing that an error can mean.
    pub fn of_fault(fault: Fault, detail: impl Into<String>) -> Problem {
        let kind = match fault {
            Fault::Caller => Kind::INVALID,
            Fault::Conflict => Kind::CONFLICT,
            Fault::Retry => Kind::RETRY,
            Fault::Unavailable => Kind::UNAVAILABLE,
            Fault::Stop => Kind::STOPPED,
        };
        Problem::new(kind, detail)
    }

    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        let Kind { status, code, title, meaning: _, retry_after_s } = kind;
        Problem { title, status: status.as_u16(), code, detail: detail.into(), context: None, retry_after_s }
    }

    /// Tells what the record is now.
    pub(crate) fn with_context(self, context: Option<String>) -> Problem {
        Problem { context, ..self }
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.code == kind.code
    }
}

/// What a command's refusal is at this door, by the word that stands before it in RESP.
const COMMAND_ERRORS: &[(&str, Kind)] = &[
    ("WRONGTYPE", Kind::WRONG_TYPE),
    ("TOOLARGE", Kind::TOO_LARGE),
    ("CONFLICT", Kind::CHANGED),
    ("TOKEN", Kind::BAD_TOKEN),
    ("NOAUTH", Kind::UNAUTHORIZED),
    ("WRONGPASS", Kind::UNAUTHORIZED),
    ("NOACK", Kind::NO_ACK),
    ("NOQUORUM", Kind::NO_QUORUM),
    ("STALE", Kind::STALE),
    ("BEHIND", Kind::BEHIND),
    ("ELSEWHERE", Kind::ELSEWHERE),
    ("NOTYET", Kind::NOT_YET),
    ("UNAVAILABLE", Kind::UNAVAILABLE),
    ("CORRUPT", Kind::STOPPED),
];

impl From<lc_db::Error> for Problem {
    fn from(error: lc_db::Error) -> Problem {
        let detail = error.to_string();
        if let lc_db::Error::NotOffered(_) = error {
            return Problem::new(Kind::NOT_OFFERED, detail);
        }
        match COMMAND_ERRORS.iter().find(|(code, _)| *code == error.code()) {
            Some((_, kind)) => Problem::new(*kind, detail),
            None => Problem::of_fault(error.fault(), detail),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        let kind = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::NOT_JSON,
            _ => Kind::INVALID,
        };
        Problem::new(kind, rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (retry_after_s, etag) = (self.retry_after_s, self.context.as_deref().and_then(etag));
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
        }
        if let Some(etag) = etag {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}

/// A context as `ETag` shows it; `None` if it has characters that a header cannot carry.
pub(crate) fn etag(context: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{context}\"")).ok()
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

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn a_refused_command_keeps_its_meaning() {
        for (error, status, code) in [
            (lc_db::Error::WrongType, 409, "wrong_type"),
            (lc_db::Error::NotInteger, 400, "invalid_request"),
            (lc_db::Error::TooLarge { what: "value", bytes: 9, max: 8 }, 413, "too_large"),
            (lc_db::Error::Unavailable("the disk is full".to_owned()), 503, "unavailable"),
            (lc_db::Error::NotYet("not built yet".to_owned()), 501, "not_yet"),
            (lc_db::Error::elsewhere(lc_policy::Tables::default().of_key(b""), "oslo"), 421, "elsewhere"),
            (lc_db::Error::Token("forged".to_owned()), 400, "bad_token"),
            (lc_db::Error::Conflict("changed".to_owned()), 412, "changed"),
            (lc_db::Error::Stale("unknown".to_owned()), 503, "stale"),
            (lc_db::Error::Behind("kyiv lacks oslo:7".to_owned()), 503, "behind"),
            (lc_db::Error::NotOffered("command 'x' is not offered".to_owned()), 501, "not_offered"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status, problem.code), (status, code));
        }
    }
}
