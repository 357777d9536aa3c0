//! HTTP: raw bytes of a connection, through the door's own connection handling and routes, to the commands of a replica.
//! No request panics, hangs, or makes the door say that it is to blame.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lc_db::Reply;
use lc_db::testing::{Replica, merging};
use lc_http::{
    BoxFuture, Call, ControlRequest, Database, Done, Doorway, Inside, LinkEmulation, Problem, Receipt, Sample,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

/// Bytes as a client sends them, before it closes its side.
///
/// # Panics
/// If the door answers 500, or does not end the connection.
pub fn run(data: &[u8]) {
    WORLD.with(|World { runtime, node, door }| {
        *node.replica.lock().expect("no panic before") = furnished();
        let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, converse(door, data)).await });
        let answer = answer.expect("a connection whose client has closed comes to its end");
        let status = answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        assert_ne!(status, Some(b"500".as_slice()), "{}", answer.escape_ascii());
    });
}

async fn converse(door: &Doorway, data: &[u8]) -> Vec<u8> {
    let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
    let serving = door.serve(theirs);
    let (mut from, mut to) = tokio::io::split(ours);
    let sending = async {
        // The door may have had enough before it has read everything.
        let _ = to.write_all(data).await;
        let _ = to.shutdown().await;
    };
    let mut answer = Vec::new();
    let (_, _, read) = tokio::join!(serving, sending, from.read_to_end(&mut answer));
    read.expect("a stream in memory can be read");
    answer
}

/// One replica behind the door; its catalogue answers what it was asked.
struct Node {
    replica: Mutex<Replica>,
}

fn furnished() -> Replica {
    let mut replica = Replica::new(1).under(merging(&[("t", "siblings"), ("m", "max")]));
    for line in ["SET t:a 1", "HSET h f 1", "SADD s a", "ZADD z 1 a", "SET n 5"] {
        replica.run(line);
    }
    replica
}

impl Database for Node {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Done, lc_db::Error>> {
        Box::pin(async move {
            let words: Vec<&[u8]> = call.words.iter().map(Bytes::as_ref).collect();
            let reply: Reply = self.replica.lock().expect("no panic before").reply(&words);
            Ok(Done { reply, session: call.session, receipt: Receipt::default() })
        })
    }

    fn control(&self, request: ControlRequest) -> BoxFuture<'_, Result<Value, Problem>> {
        Box::pin(async move {
            match request {
                ControlRequest::CreateTable { body, .. } | ControlRequest::AlterTable { body, .. } => Ok(body),
                ControlRequest::Invite { body } | ControlRequest::Join { body } => Ok(body),
                ControlRequest::RestoreConflict { id } => Err(Problem::not_found(format!("no conflict {id}"))),
                _ => Ok(json!({})),
            }
        })
    }

    fn has_table(&self, name: &str) -> bool {
        matches!(name, "t" | "m")
    }
}

impl Inside for Node {
    fn health(&self) -> Result<(), String> {
        Ok(())
    }
    fn status(&self) -> Value {
        json!({})
    }
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }
    fn emulation_allowed(&self) -> bool {
        true
    }
    fn emulate(&self, link: &LinkEmulation) -> Result<(), Problem> {
        link.check().map_err(Problem::invalid)
    }
}

/// Made once: a router of all routes takes longer to make than most requests to answer.
struct World {
    /// Its time stands still while there is something to do, and jumps when there is nothing: a wait costs nothing.
    runtime: Runtime,
    node: Arc<Node>,
    door: Doorway,
}

thread_local! {
    static WORLD: World = {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let node = Arc::new(Node { replica: Mutex::new(Replica::new(1)) });
        let door = Doorway::new(node.clone(), Some(node.clone()), None);
        World { runtime, node, door }
    };
}

/// Beyond every bound of the door's own.
const PATIENCE: Duration = Duration::from_secs(600);
const BUFFER_BYTES: usize = 64 * 1024;
