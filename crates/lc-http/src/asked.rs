//! A request as the routes' handlers see it: places of the path, query, headers and body, each checked.

use std::future::poll_fn;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use lc_core::limits::VALUE_BYTES_MAX;
use lc_db::Reply;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::Kind;
use crate::exchange::Exchange;
use crate::parameter::{Parameter, places};
use crate::room::{Room, Share, held};
use crate::{Database, Inside, Problem, percent};

/// What stands behind the door.
pub(crate) struct Behind {
    pub inside: Arc<dyn Inside>,
    pub database: Option<Arc<dyn Database>>,
    pub room: Room,
    /// Describes every route.
    pub description: fn() -> Value,
}

/// One request.
pub(crate) struct Asked {
    pub behind: Arc<Behind>,
    pub exchange: Exchange,
    pub headers: HeaderMap,
    places: Vec<(&'static str, Vec<u8>)>,
    query: Vec<(String, String)>,
    body: Option<Body>,
    /// Memory that the body takes.
    share: Share,
}

impl Asked {
    /// Takes a request apart that the router matched with this path; refuses parameters that are not `known` there.
    pub(crate) fn new(
        (path, known): (&'static str, &[Parameter]),
        behind: Arc<Behind>,
        parts: Parts,
        body: Body,
    ) -> Result<Asked, Problem> {
        let undecodable = || Problem::invalid("the path has a '%' without two hex digits");
        let decoded = |(name, text): (_, &str)| percent::decode(text).map(|bytes| (name, bytes));
        let places: Option<Vec<_>> = places(path, parts.uri.path()).map(decoded).collect();
        Ok(Asked {
            exchange: Exchange::new(behind.database.clone(), &parts.headers)?,
            headers: parts.headers,
            places: places.ok_or_else(undecodable)?,
            query: query(known, parts.uri.query().unwrap_or_default())?,
            body: Some(body),
            share: behind.room.share(),
            behind,
        })
    }

    /// The bytes at a place of the path.
    pub(crate) fn place(&self, name: &str) -> Bytes {
        let place = self.places.iter().find(|(other, _)| *other == name);
        Bytes::copy_from_slice(&place.expect("handlers name places of their own route").1)
    }

    /// The text at a place of the path.
    pub(crate) fn place_text(&self, name: &str) -> Result<String, Problem> {
        String::from_utf8(self.place(name).into()).map_err(|_| Problem::invalid(format!("the {name} is not UTF-8")))
    }

    /// A parameter of the query; empty if it stands there without a value.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number within bounds.
    pub(crate) fn number<T>(&self, name: &str, min: T, max: T) -> Result<Option<T>, Problem>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        match text.parse::<T>() {
            Ok(number) if number >= min && number <= max => Ok(Some(number)),
            _ => Err(Problem::invalid(format!("{name}={text}: give a whole number from {min} to {max}"))),
        }
    }

    /// A parameter that is on if it stands there, unless with the value `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.parameter(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(Problem::invalid(format!("{name}={other}: give true or false"))),
        }
    }

    /// Whether a header's media type is this one.
    pub(crate) fn content_is(&self, kind: &str) -> bool {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(kind))
    }

    /// Whether the bytes of a value are asked for rather than JSON.
    pub(crate) fn wants_bytes(&self) -> Result<bool, Problem> {
        let accepts = self.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let named = accepts
            .flat_map(|list| list.split(','))
            .any(|kind| kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(OCTETS)));
        Ok(self.flag("raw")? || named)
    }

    /// Carries out a command.
    pub(crate) async fn call(
        &mut self,
        name: &'static str,
        arguments: impl IntoIterator<Item = Bytes>,
    ) -> Result<Reply, Problem> {
        self.exchange.call(words(name, arguments)).await
    }

    /// The body as JSON of a record's size.
    pub(crate) async fn record_json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        self.json(RECORD_JSON_BYTES_MAX).await
    }

    /// The body as JSON of an order's size.
    pub(crate) async fn order_json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        self.json(ORDER_BYTES_MAX).await
    }

    /// The body as JSON of what a stranger may send: little, and soon.
    pub(crate) async fn stranger_json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let body = tokio::time::timeout(STRANGER_MAX, self.json(STRANGER_BYTES_MAX)).await;
        body.unwrap_or_else(|_| Err(Problem::slow()))
    }

    /// Like [`Asked::record_json`], but no body at all stands for the default.
    pub(crate) async fn json_or_default<T: DeserializeOwned + Default>(&mut self) -> Result<T, Problem> {
        if self.body.as_ref().is_none_or(HttpBody::is_end_stream) { Ok(T::default()) } else { self.order_json().await }
    }

    /// The body's bytes, at most a value's.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, Problem> {
        self.read_body(VALUE_BYTES_MAX).await
    }

    async fn json<T: DeserializeOwned>(&mut self, bytes_max: usize) -> Result<T, Problem> {
        if !self.content_is("application/json") {
            return Err(Problem::new(Kind::NOT_JSON, "send the body with 'Content-Type: application/json'"));
        }
        let body = self.read_body(bytes_max).await?;
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("the body: {error}")))
    }

    async fn read_body(&mut self, bytes_max: usize) -> Result<Bytes, Problem> {
        let mut body = self.body.take().unwrap_or_default();
        let mut read = BytesMut::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|error| Problem::invalid(format!("the body broke off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > bytes_max {
                let detail = format!("the body is above the limit of {bytes_max} bytes");
                return Err(Problem::new(Kind::TOO_LARGE, detail));
            }
            self.share.grow(data.len())?;
            read.extend_from_slice(&data);
        }
        Ok(read.freeze())
    }

    /// Answers JSON.
    pub(crate) fn answer(&self, status: StatusCode, value: &Value) -> Result<Response, Problem> {
        self.answer_bytes(status, HeaderValue::from_static("application/json"), value.to_string().into())
    }

    /// Answers a value's bytes.
    pub(crate) fn answer_octets(&self, bytes: Bytes) -> Result<Response, Problem> {
        self.answer_bytes(StatusCode::OK, HeaderValue::from_static(OCTETS), bytes)
    }

    fn answer_bytes(&self, status: StatusCode, kind: HeaderValue, bytes: Bytes) -> Result<Response, Problem> {
        let mut share = self.behind.room.share();
        share.grow(bytes.len())?;
        // What clients store is theirs: a browser must not take it for a page of this door.
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Ok((status, headers, held(bytes, share)).into_response())
    }
}

/// A command's words.
pub(crate) fn words(name: &'static str, arguments: impl IntoIterator<Item = Bytes>) -> Vec<Bytes> {
    std::iter::once(word(name)).chain(arguments).collect()
}

/// A fixed word of a command.
pub(crate) fn word(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Any text or number as a word of a command.
pub(crate) fn said(text: impl ToString) -> Bytes {
    Bytes::from(text.to_string())
}

fn query(known: &[Parameter], text: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut read: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent::decode_query(name).zip(percent::decode_query(value));
        let (name, value) = decoded.ok_or_else(|| Problem::invalid(format!("the query '{pair}' is not UTF-8")))?;
        if !known.iter().any(|known| known.name == name) {
            let known: Vec<&str> = known.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Problem::invalid(format!("unknown parameter '{name}'; this path knows: {known}")));
        }
        if read.iter().any(|(other, _)| *other == name) {
            return Err(Problem::invalid(format!("parameter '{name}' is given twice")));
        }
        read.push((name, value));
    }
    Ok(read)
}

/// The media type of bytes that mean nothing to the door.
pub(crate) const OCTETS: &str = "application/octet-stream";
/// JSON of a value as large as values may be: base64 takes 4/3, and text with some escapes fits too.
const RECORD_JSON_BYTES_MAX: usize = 2 * VALUE_BYTES_MAX;
/// A request for a certificate takes about 600 bytes, the names of 16 jurisdictions as much.
const STRANGER_BYTES_MAX: usize = 16 * 1024;
/// How long it may take to arrive.
const STRANGER_MAX: Duration = Duration::from_secs(5);
/// Shapes of links for 63 peers, or a table's policy with long merge rules, take less.
const ORDER_BYTES_MAX: usize = 64 * 1024;
