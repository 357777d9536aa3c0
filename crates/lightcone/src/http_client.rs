//! Just enough HTTP/1.1 to ask a node or the dev world something: one request, one answer, one connection.

use std::path::Path;
use std::time::Duration;

use lc_net::VisitorTls;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;

/// Where to ask.
#[derive(Clone)]
pub struct Target {
    host: String,
    port: u16,
    tls: Option<VisitorTls>,
    token: Option<String>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl Target {
    /// A port of this machine, without TLS.
    pub fn local(port: u16) -> Target {
        Target { host: "127.0.0.1".to_owned(), port, tls: None, token: None }
    }

    /// From `http://HOST:PORT` or `https://HOST:PORT`; the latter needs the authority that signed the node's certificate.
    /// `option` names the URL in messages.
    pub fn parse(option: &str, url: &str, authority: Option<&Path>, token: Option<String>) -> Result<Target, Error> {
        let wrong = |why: &str| Error::Usage(format!("{option} {url}: {why}; right would be http://127.0.0.1:8001"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("no http:// or https:// in front"))?;
        let (tls, port) = match (scheme, authority) {
            ("http", _) => (None, 80),
            ("https", Some(authority)) => (Some(VisitorTls::load(authority)?), 443),
            ("https", None) => {
                return Err(wrong("https needs --authority FILE, the certificate that signed the node's"));
            }
            _ => return Err(wrong("neither http nor https")),
        };
        let rest = rest.trim_end_matches('/');
        if rest.is_empty() || rest.contains(['/', '?', '#', '@', ' ']) {
            return Err(wrong("only a host and a port may follow"));
        }
        let (host, port) = split_port(rest, port).ok_or_else(|| wrong("the port is no number from 1 to 65535"))?;
        Ok(Target { host: host.to_owned(), port, tls, token })
    }

    /// Sends a request, with a JSON body if there is one, and reads the answer, all within `limit`.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&str>, limit: Duration) -> Result<Answer, Error> {
        let asking = self.ask_without_limit(method, path, body);
        match tokio::time::timeout(limit, asking).await {
            Ok(answer) => answer.map_err(|why| Error::Asked(format!("{method} {}{path}: {why}", self.shown()))),
            Err(_) => Err(Error::Asked(format!(
                "{method} {}{path}: no answer within {} s",
                self.shown(),
                limit.as_secs_f64()
            ))),
        }
    }

    /// Reads the bytes that stand at a path: the status, and the body as it came.
    pub async fn fetch(&self, path: &str, limit: Duration) -> Result<(u16, Vec<u8>), Error> {
        let said = |why: String| Error::Asked(format!("GET {}{path}: {why}", self.shown()));
        match tokio::time::timeout(limit, self.raw("GET", path, None, FETCHED_BYTES_MAX)).await {
            Ok(answer) => answer.and_then(|bytes| parse_bytes(&bytes)).map_err(said),
            Err(_) => Err(said(format!("no answer within {} s", limit.as_secs_f64()))),
        }
    }

    /// As in messages.
    pub fn shown(&self) -> String {
        format!("{}://{}:{}", if self.tls.is_some() { "https" } else { "http" }, self.host, self.port)
    }

    async fn ask_without_limit(&self, method: &str, path: &str, body: Option<&str>) -> Result<Answer, String> {
        parse(&self.raw(method, path, body, ANSWER_BYTES_MAX).await?)
    }

    async fn raw(&self, method: &str, path: &str, body: Option<&str>, bytes_max: u64) -> Result<Vec<u8>, String> {
        let text = |error: std::io::Error| error.to_string();
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, self.port)).await.map_err(text)?;
        let request = self.request(method, path, body);
        match &self.tls {
            None => exchange(stream, &request, bytes_max).await,
            Some(tls) => exchange(tls.connect(bare, stream).await.map_err(text)?, &request, bytes_max).await,
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n", self.host, self.port);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        format!("{head}\r\n{}", body.unwrap_or_default())
    }
}

impl Answer {
    /// The body if all went well, else what the problem document says.
    pub fn ok(self) -> Result<String, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let problem: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        Err(Error::Asked(detail.map_or_else(|| format!("HTTP status {}", self.status), str::to_owned)))
    }
}

/// A name as one segment of a path, or as a value in a query.
pub fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn split_port(rest: &str, default: u16) -> Option<(&str, u16)> {
    let after_address = rest.rfind(']').map_or(0, |at| at + 1);
    match rest[after_address..].rsplit_once(':') {
        None => Some((rest, default)),
        Some((_, port)) => {
            let host = &rest[..rest.len() - port.len() - 1];
            port.parse().ok().filter(|port| *port > 0 && !host.is_empty()).map(|port| (host, port))
        }
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    bytes_max: u64,
) -> Result<Vec<u8>, String> {
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut bounded = stream.take(bytes_max);
    bounded.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Answer, String> {
    let (status, body) = parse_bytes(bytes)?;
    Ok(Answer { status, body: String::from_utf8(body).map_err(|_| "the answer is not text")? })
}

fn parse_bytes(bytes: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("the answer is not HTTP")?;
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let head = std::str::from_utf8(head).map_err(|_| "the answer is not HTTP")?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
    let status = status.ok_or("the answer is not HTTP")?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match length.map(|(_, length)| length.trim().parse::<usize>()) {
        Some(Ok(length)) if length != body.len() => {
            Err(format!("the answer ended after {} of {length} bytes", body.len()))
        }
        Some(Err(_)) => Err("the answer's length is no number".to_owned()),
        Some(Ok(_)) | None => Ok((status, body.to_vec())),
    }
}

/// A status of 63 peers is a hundredth of this.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A piece of a backup is about 4 MiB, and more if a single record is.
const FETCHED_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{Answer, Target, parse, segment};

    fn target(url: &str) -> Result<String, String> {
        Target::parse("--at", url, None, None).map(|target| target.shown()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_names_a_host_and_a_port() {
        assert_eq!(target("http://127.0.0.1:8001").as_deref(), Ok("http://127.0.0.1:8001"));
        assert_eq!(target("http://node.example/").as_deref(), Ok("http://node.example:80"));
        assert_eq!(target("http://[::1]:8001").as_deref(), Ok("http://[::1]:8001"));
        for (url, why) in [
            ("localhost:8001", "in front"),
            ("ftp://a", "neither"),
            ("http://a:b", "port"),
            ("http://a/b", "only a host"),
            ("https://a", "--authority"),
        ] {
            let error = target(url).expect_err(url);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn an_answer_is_a_status_and_a_whole_body() {
        let answer = |text: &str| parse(text.as_bytes());
        let ok = Answer { status: 200, body: "{}".to_owned() };
        assert_eq!(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Ok(ok));
        assert_eq!(
            answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"),
            Err("the answer ended after 2 of 9 bytes".to_owned())
        );
        for text in ["", "+PONG\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 é\r\n\r\n"] {
            assert_eq!(answer(text), Err("the answer is not HTTP".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_name_with_any_character_is_one_segment() {
        assert_eq!(segment("carts-2.x_y~"), "carts-2.x_y~");
        assert_eq!(segment("a/b?c=d e&é"), "a%2Fb%3Fc%3Dd%20e%26%C3%A9");
    }

    #[test]
    fn a_problem_document_tells_its_detail() {
        let answer = Answer { status: 404, body: r#"{"detail":"no region 'mars'"}"#.to_owned() };
        assert_eq!(answer.ok().expect_err("a problem").to_string(), "no region 'mars'");
        let answer = Answer { status: 500, body: "oops".to_owned() };
        assert_eq!(answer.ok().expect_err("a problem").to_string(), "HTTP status 500");
    }
}
