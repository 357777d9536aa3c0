//! One request's way to the records: its commands in turn, as one session, and what they got, in the reply's headers.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use lc_db::Reply;

use crate::{Call, Database, Problem, Receipt};

/// The session's token, both ways.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("lightcone-session");
/// `ack` for this request.
pub(crate) const ACK: HeaderName = HeaderName::from_static("lightcone-ack");
/// `read` for this request.
pub(crate) const READ: HeaderName = HeaderName::from_static("lightcone-read");
/// What the request got.
pub(crate) const RECEIPT: HeaderName = HeaderName::from_static("lightcone-receipt");

/// What a request asks of all its commands, and what these got so far.
pub(crate) struct Exchange {
    database: Option<Arc<dyn Database>>,
    session: Option<String>,
    ack: Option<String>,
    read: Option<String>,
    receipt: Option<Receipt>,
    /// Whether the session is one that the database took: a forged token is not sent back.
    session_known: bool,
}

impl Exchange {
    /// Takes what the request's headers ask for; refuses a header that is no text or absurdly long.
    pub(crate) fn new(database: Option<Arc<dyn Database>>, headers: &HeaderMap) -> Result<Exchange, Problem> {
        Ok(Exchange {
            database,
            session: text(headers, &SESSION)?,
            ack: text(headers, &ACK)?,
            read: text(headers, &READ)?,
            receipt: None,
            session_known: false,
        })
    }

    /// What stands behind; a door without a database has no path that comes here.
    pub(crate) fn database(&self) -> Result<Arc<dyn Database>, Problem> {
        self.database.clone().ok_or_else(|| Problem::unavailable("no database stands behind this door"))
    }

    /// Carries out a command in the request's session.
    pub(crate) async fn call(&mut self, words: Vec<Bytes>) -> Result<Reply, Problem> {
        let read = self.read.clone();
        let (reply, receipt) = self.carry_out(words, read).await?;
        match &mut self.receipt {
            Some(receipts) => receipts.add(receipt),
            None => self.receipt = Some(receipt),
        }
        answered(reply)
    }

    /// Looks at what this node has, beside what was asked for: the receipt does not speak of it.
    pub(crate) async fn glance(&mut self, words: Vec<Bytes>) -> Result<Reply, Problem> {
        answered(self.carry_out(words, Some("eventual".to_owned())).await?.0)
    }

    async fn carry_out(&mut self, words: Vec<Bytes>, read: Option<String>) -> Result<(Reply, Receipt), Problem> {
        let call = Call { words, session: self.session.clone(), ack: self.ack.clone(), read };
        let done = self.database()?.call(call).await?;
        // The next command of this request, and the next request, see what this one saw.
        self.session = done.session.or(self.session.take());
        self.session_known = true;
        Ok((done.reply, done.receipt))
    }

    /// Uses a fresh session from here on.
    pub(crate) fn resume(&mut self, token: &str) {
        self.session = Some(token.to_owned());
        self.session_known = true;
    }

    /// Writes token and receipt into the reply's headers, whether it went well or not.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        let session = self.session.as_deref().filter(|_| self.session_known);
        if let Some(token) = session.and_then(|token| HeaderValue::from_str(token).ok()) {
            headers.insert(SESSION, token);
        }
        if let Some(line) = self.receipt.as_ref().and_then(receipt_line) {
            headers.insert(RECEIPT, line);
        }
    }
}

/// An error in place of a reply is a problem.
fn answered(reply: Reply) -> Result<Reply, Problem> {
    match reply {
        Reply::Error(error) => Err(error.into()),
        reply => Ok(reply),
    }
}

/// The receipt as one line of ASCII, because not every client reads other characters in a header.
fn receipt_line(receipt: &Receipt) -> Option<HeaderValue> {
    let json = serde_json::to_string(receipt).ok()?;
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            line.push(character);
        } else {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().for_each(|unit| line.push_str(&format!("\\u{unit:04x}")));
        }
    }
    HeaderValue::from_str(&line).ok()
}

/// A header's text, if it is there.
pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty() && text.len() <= HEADER_BYTES_MAX);
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid(format!("header {name}: give it once, as 1 to {HEADER_BYTES_MAX} ASCII characters"))),
    }
}

/// Tokens and contexts are a few hundred bytes even for many regions.
const HEADER_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::receipt_line;
    use crate::Receipt;

    #[test]
    fn a_receipt_is_one_ascii_line_that_reads_back() {
        let receipt = Receipt { regions: vec!["tromsø\n".to_owned(), "🌍".to_owned()], ..Receipt::default() };
        let line = receipt_line(&receipt).expect("a header value");
        let text = line.to_str().expect("ASCII");
        assert_eq!(serde_json::from_str::<Receipt>(text).expect("JSON"), receipt);
    }
}
