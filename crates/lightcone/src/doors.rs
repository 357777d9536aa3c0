//! A node as the two doors want to see it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lc_db::{Engine, Session};
use lc_http::{Inside, LinkEmulation, Problem, Sample, SampleKind};
use lc_net::{DoorStream, DoorTls, LinkShape};
use lc_node::{ClientInfo, Connection, Node, Wait};
use lc_resp::{Client, Connect, Secure};
use tokio::net::TcpStream;

/// Makes a connection to the node for each client of the RESP door.
pub struct Clients(pub Arc<Node>);

impl Connect for Clients {
    type Client = NodeClient;

    fn connect(&self, address: SocketAddr) -> NodeClient {
        let connection = self.0.connect(ClientInfo { address: address.to_string() });
        NodeClient { node: self.0.clone(), connection }
    }
}

/// One client of the RESP door.
pub struct NodeClient {
    node: Arc<Node>,
    connection: Connection,
}

impl Client for NodeClient {
    type Wait = Wait;

    fn id(&self) -> u64 {
        self.connection.id()
    }

    fn engine(&mut self) -> &mut dyn Engine {
        &mut self.connection
    }

    fn take_wait(&mut self) -> Option<Wait> {
        self.connection.take_wait()
    }

    async fn durable(&mut self, wait: Wait) -> Result<(), lc_db::Error> {
        self.node.durable(wait).await
    }

    type Hold = lc_node::Hold;

    fn take_hold(&mut self) -> Option<Self::Hold> {
        self.connection.take_hold()
    }

    async fn held(&mut self, hold: Self::Hold) -> Result<(), lc_db::Error> {
        self.connection.held(hold).await
    }

    async fn settle(&mut self) {
        self.connection.settle().await;
    }

    fn killed(&self) -> bool {
        self.connection.killed()
    }

    fn kill_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        self.connection.kill_signal()
    }

    fn describe(&mut self, session: &Session) {
        self.connection.describe(session);
    }

    fn count_commands(&mut self, commands: u64) {
        self.connection.count_commands(commands);
    }
}

/// TLS before RESP.
pub struct OverTls(pub DoorTls);

impl Secure for OverTls {
    type Stream = DoorStream;

    async fn secure(&self, stream: TcpStream) -> io::Result<DoorStream> {
        self.0.accept(stream).await
    }
}

/// What the HTTP door asks of the node.
pub struct Operated(pub Arc<Node>);

impl Inside for Operated {
    fn health(&self) -> Result<(), String> {
        let status = self.0.status();
        if status.takes_writes { Ok(()) } else { Err(status.trouble) }
    }

    fn status(&self) -> serde_json::Value {
        serde_json::to_value(self.0.status()).unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }))
    }

    fn samples(&self) -> Vec<Sample> {
        self.0.metrics().into_iter().map(sample).collect()
    }

    fn emulation_allowed(&self) -> bool {
        self.0.config().emulation
    }

    fn emulate(&self, link: &LinkEmulation) -> Result<(), Problem> {
        self.0.shape_link(link.peer, shape(link)).map_err(|error| Problem::invalid(error.to_string()))
    }
}

fn sample(sample: lc_node::Sample) -> Sample {
    let kind = match sample.kind {
        lc_node::SampleKind::Counter => SampleKind::Counter,
        lc_node::SampleKind::Gauge => SampleKind::Gauge,
    };
    Sample { name: sample.name, help: sample.help, kind, labels: sample.labels, value: sample.value }
}

/// The door has checked the bounds, so no duration overflows.
fn shape(link: &LinkEmulation) -> LinkShape {
    LinkShape {
        one_way: Duration::from_secs_f64(link.one_way_ms / 1000.0),
        jitter: Duration::from_secs_f64(link.jitter_ms / 1000.0),
        loss_percent: link.loss_percent,
        bandwidth_bytes_per_s: link.bandwidth_bytes_per_s,
        cut: link.cut,
    }
}
