//! A client that trusts nothing: one request, one connection, and every answer must be one that the description allows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use lc_http::{Door, Settings};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::node::Node;

/// An answer.
pub struct Answer {
    pub status: u16,
    headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of a problem; `-` if it is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("-").to_owned()
    }

    pub fn receipt(&self) -> Value {
        serde_json::from_str(self.header("lightcone-receipt").unwrap_or("null")).expect("a line of JSON")
    }
}

/// An open door, and what it says of itself.
pub struct Client {
    pub address: SocketAddr,
    pub node: Arc<Node>,
    pub description: Value,
}

impl Client {
    /// Opens a door to a node.
    pub async fn of(node: Node) -> Client {
        Client::with(node, Settings::default()).await
    }

    pub async fn with(node: Node, settings: Settings) -> Client {
        let node = Arc::new(node);
        let bearer = format!("Bearer {}", settings.token.as_deref().unwrap_or("none is needed"));
        let door = Door::open("127.0.0.1:0".parse().expect("an address"), settings).await.expect("a free port");
        let door = door.with_database(node.clone());
        let address = door.address().expect("it listens");
        tokio::spawn(door.serve(node.clone(), |stream| async { Ok(stream) }, std::future::pending()));
        let description = send(address, "GET", "/v1/openapi.json", &[("authorization", &bearer)], b"").await.json();
        assert_eq!(description["openapi"], "3.1.0");
        Client { address, node, description }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], b"").await
    }

    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.json_with(method, path, &[], body).await
    }

    pub async fn json_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [headers, &[("content-type", "application/json; charset=utf-8")]].concat();
        self.ask(method, path, &headers, body.to_string().as_bytes()).await
    }

    pub async fn octets(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = [headers, &[("content-type", "application/octet-stream")]].concat();
        self.ask(method, path, &headers, body).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = send(self.address, method, path, headers, body).await;
        self.check(method, path, &answer);
        answer
    }

    /// Panics if the description does not know such an answer.
    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let Some(operation) = self.operation(method, path) else {
            assert!(
                [404, 405].contains(&answer.status),
                "{method} {path} is not described and answers {}",
                answer.status
            );
            return;
        };
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {path} answers {}, undescribed: {}", answer.status, answer.json());
        let kind = answer.header("content-type").unwrap_or("-").split(';').next().expect("one part").to_owned();
        if answer.status == 204 {
            return;
        }
        let content = &response["content"][&kind];
        assert!(content.is_object(), "{method} {path} answers {kind}, undescribed");
        if kind == "application/problem+json" {
            let codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array().expect("codes");
            assert!(codes.contains(&answer.json()["code"]), "{method} {path}: code {} undescribed", answer.code());
        }
        if kind == "application/json" {
            self.check_members(&content["schema"], &answer.json());
        }
    }

    /// Required members are there, and those there are described.
    fn check_members(&self, schema: &Value, body: &Value) {
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a reference");
        let schema = &self.description["components"]["schemas"][name];
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(body.get(required).is_some(), "{name} without {required}: {body}");
        }
        if let (Some(described), Some(members)) = (schema["properties"].as_object(), body.as_object()) {
            members.keys().for_each(|member| assert!(described.contains_key(member), "{name} with {member}: {body}"));
        }
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next()?;
        let fits = |pattern: &str| {
            pattern.split('/').count() == path.split('/').count()
                && pattern.split('/').zip(path.split('/')).all(|(one, other)| one == other || one.starts_with('{'))
        };
        let operations = self.description["paths"].as_object()?;
        // A path that is written out goes before one with places.
        let found = operations.get_key_value(path).or_else(|| operations.iter().find(|(pattern, _)| fits(pattern)));
        found?.1.get(method.to_ascii_lowercase())
    }
}

/// Sends a request and reads the answer to the connection's end.
pub async fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.expect("the door is open");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let request = [head.as_bytes(), body].concat();
    // The door may answer before it has read all, so one half writes while the other reads.
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        let _ = writing.write_all(&request).await;
        writing
    });
    let mut answer = Vec::new();
    let read = reading.read_to_end(&mut answer).await;
    drop(sending.await);
    assert!(read.is_ok() || !answer.is_empty(), "{method} {path}: {read:?}");
    parsed(&answer)
}

fn parsed(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("a head of ASCII");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer { status, headers: headers.collect(), body: answer[end + 4..].to_vec() }
}
