//! A node as the two doors want to see it.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lc_db::{Engine, Session, Wish};
use lc_http::{
    BackupAnswer, BackupRequest, BoxFuture, Call, ControlRequest, Database, Done, Inside, LinkEmulation, Problem,
    Sample, SampleKind,
};
use lc_net::{DoorStream, DoorTls, LinkShape};
use lc_node::{Answered, Asked, ClientExcess, ClientInfo, Connection, Node, Wait};
use lc_resp::{Client, Connect, Excess, Secure};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::admission;
use crate::refusal::problem;

/// Makes a connection to the node for each client of the RESP door.
pub struct Clients(pub Arc<Node>);

impl Connect for Clients {
    type Client = NodeClient;

    fn connect(&self, address: SocketAddr) -> NodeClient {
        let connection = self.0.connect(ClientInfo { address: address.to_string() });
        NodeClient { node: self.0.clone(), connection }
    }

    fn refused(&self, _address: SocketAddr) {
        self.0.client_refused();
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

    fn count_buffers(&mut self, before: usize, after: usize) {
        self.connection.count_buffers(before, after);
    }

    fn exceeded(&mut self, what: Excess) {
        self.connection.exceeded(match what {
            Excess::Unread => ClientExcess::Unread,
            Excess::Unfinished => ClientExcess::Unfinished,
            Excess::NoRoomToRead => ClientExcess::NoRoomToRead,
            Excess::NoRoomToReply => ClientExcess::NoRoomToReply,
        });
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
    fn left_unread(&self) {
        self.0.client_exceeded(ClientExcess::HttpUnread);
    }

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

/// Records and tables for the HTTP door.
pub struct Served(pub Arc<Node>);

impl Database for Served {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Done, lc_db::Error>> {
        Box::pin(async move {
            let wish = Wish { ack: dial(call.ack.as_deref())?, read: dial(call.read.as_deref())? };
            wish.check()?;
            let mut connection = self.0.connect(ClientInfo { address: "http".to_owned() });
            let answered = connection.call(&call.words, Asked { session: call.session, wish }).await?;
            let Answered { reply, session, receipt } = answered;
            Ok(Done { reply, session, receipt: receipt.into() })
        })
    }

    fn control(&self, request: ControlRequest) -> BoxFuture<'_, Result<Value, Problem>> {
        Box::pin(async move {
            let node = &self.0;
            let answer = match request {
                ControlRequest::ListTables => Ok(node.list_tables()),
                ControlRequest::ShowTable { name } => node.show_table(&name),
                ControlRequest::History { name } => node.table_history(&name),
                ControlRequest::CreateTable { body, dry_run } => node.create_table(&body, dry_run).await,
                ControlRequest::AlterTable { name, body, dry_run } => node.alter_table(&name, &body, dry_run).await,
                ControlRequest::DropTable { name } => node.drop_table(&name).await,
                ControlRequest::Presets => Ok(node.presets()),
                ControlRequest::Conflicts { table, after, limit } => {
                    node.conflicts(table.as_deref(), after.as_deref(), limit).await
                }
                ControlRequest::RestoreConflict { id } => node.restore_conflict(&id).await,
                ControlRequest::Stamps { ahead_ms, table, after, limit } => {
                    node.stamps(ahead_ms, table.as_deref(), after.as_deref(), limit).await
                }
                ControlRequest::RewriteStamps { keys, ahead_ms } => node.rewrite_stamps(&keys, ahead_ms).await,
                ControlRequest::Repairs => Ok(node.repairs()),
                ControlRequest::BeginRepair { from } => node.begin_repair(from.as_deref()),
                ControlRequest::Regions => Ok(node.regions()),
                ControlRequest::Invite { body } => return admission::invite(node, &body).await,
                ControlRequest::Join { body } => return admission::join(node, &body).await,
                ControlRequest::RemoveRegion { name } => node.remove_region(&name).await,
                ControlRequest::RemoveNode { node: id } => node.remove_node(id).await,
                ControlRequest::RenewNode { node: id } => node.renew_node(id).await,
                ControlRequest::Invitations => Ok(node.invitations()),
                ControlRequest::Uninvite { id } => node.uninvite(&id).await,
                ControlRequest::NewSession => node.new_session().await,
                ControlRequest::RotateSessionKey => node.rotate_session_key().await,
            };
            answer.map_err(problem)
        })
    }

    fn backup(&self, request: BackupRequest) -> BoxFuture<'_, Result<BackupAnswer, Problem>> {
        Box::pin(async move {
            let node = &self.0;
            let answer = match request {
                BackupRequest::Begin { body } => node.begin_backup(&body).await.map(BackupAnswer::Json),
                BackupRequest::Rows { id, after } => node.backup_rows(&id, after).await.map(BackupAnswer::Bytes),
                BackupRequest::End { id } => node.end_backup(&id).await.map(BackupAnswer::Json),
                BackupRequest::Entries { id, from } => node.backup_entries(&id, from).await.map(BackupAnswer::Bytes),
                BackupRequest::Finish { id } => node.finish_backup(&id).map(BackupAnswer::Json),
            };
            answer.map_err(problem)
        })
    }

    fn has_table(&self, name: &str) -> bool {
        self.0.has_table(name)
    }
}

/// A dial as a header carries it.
fn dial<T: FromStr<Err: Display>>(text: Option<&str>) -> Result<Option<T>, lc_db::Error> {
    text.map(str::parse).transpose().map_err(|error: T::Err| lc_db::Error::caller(error.to_string()))
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
