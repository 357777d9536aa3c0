//! Who is connected, for `CLIENT LIST` and `CLIENT KILL`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

/// What a door knows of a client.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// Its address, as text.
    pub address: String,
}

#[derive(Default)]
pub(crate) struct Clients {
    next_id: AtomicU64,
    connected: Mutex<BTreeMap<u64, Arc<Client>>>,
    /// Connections since start.
    pub accepted: AtomicU64,
    /// Commands since start.
    pub commands: AtomicU64,
    /// Connections turned away because there were too many, since start.
    pub refused: AtomicU64,
    /// What bounds had to stop, since start, by [`ClientExcess`].
    pub exceeded: [AtomicU64; ClientExcess::ALL.len()],
    /// What clients have of the room for large requests and replies, bytes.
    pub buffer_bytes: AtomicU64,
}

/// What a client did that a bound had to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientExcess {
    /// It did not take its replies; closed.
    Unread,
    /// It sent a part of a large request and then too little; closed.
    Unfinished,
    /// Its large request found no room beside others; closed.
    NoRoomToRead,
    /// Its large reply found no room beside others; told so instead.
    NoRoomToReply,
    /// It did not take its answer over HTTP; closed.
    HttpUnread,
}

impl ClientExcess {
    /// Each of them.
    pub const ALL: [ClientExcess; 5] = [
        ClientExcess::Unread,
        ClientExcess::Unfinished,
        ClientExcess::NoRoomToRead,
        ClientExcess::NoRoomToReply,
        ClientExcess::HttpUnread,
    ];

    /// As metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            ClientExcess::Unread => "replies_not_taken",
            ClientExcess::Unfinished => "request_not_finished",
            ClientExcess::NoRoomToRead => "no_room_for_request",
            ClientExcess::NoRoomToReply => "no_room_for_reply",
            ClientExcess::HttpUnread => "http_answer_not_taken",
        }
    }
}

pub(crate) struct Client {
    pub id: u64,
    pub address: String,
    pub since_ms: u64,
    pub killed: AtomicBool,
    /// Told when `killed` becomes true.
    pub kill: tokio::sync::Notify,
    /// Name and such, as last told by the session.
    pub described: Mutex<String>,
}

impl Clients {
    pub(crate) fn enter(&self, info: ClientInfo, now_ms: u64) -> Arc<Client> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client {
            id,
            address: info.address,
            since_ms: now_ms,
            killed: AtomicBool::new(false),
            kill: tokio::sync::Notify::new(),
            described: Mutex::default(),
        });
        self.connected.lock().insert(id, client.clone());
        self.accepted.fetch_add(1, Ordering::Relaxed);
        client
    }

    pub(crate) fn leave(&self, id: u64) {
        self.connected.lock().remove(&id);
    }

    pub(crate) fn count(&self) -> usize {
        self.connected.lock().len()
    }

    pub(crate) fn lines(&self, now_ms: u64) -> Vec<(u64, String)> {
        self.connected.lock().values().map(|client| (client.id, client.line(now_ms))).collect()
    }

    pub(crate) fn kill(&self, id: u64) -> bool {
        match self.connected.lock().get(&id) {
            Some(client) => {
                client.killed.store(true, Ordering::Relaxed);
                client.kill.notify_one();
                true
            }
            None => false,
        }
    }
}

impl Client {
    fn line(&self, now_ms: u64) -> String {
        let age = now_ms.saturating_sub(self.since_ms) / 1000;
        let described = self.described.lock();
        let described = if described.is_empty() { "name= db=0" } else { described.as_str() };
        format!("id={} addr={} age={age} {described}", self.id, self.address)
    }
}
