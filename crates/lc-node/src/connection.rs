//! One client's way to the records.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use lc_db::{Engine, Error, Host, Reply, Session, Txn, View, WatchStamp};

use crate::clients::Client;
use crate::{ClientInfo, Node, Wait};

/// An `lc_db::Engine` on a node. Dropping it unregisters the client.
pub struct Connection {
    pub(crate) node: Arc<Node>,
    client: Arc<Client>,
    wait: Option<Wait>,
}

impl Connection {
    pub(crate) fn new(node: Arc<Node>, client: ClientInfo) -> Connection {
        let client = node.clients.enter(client, node.wall_ms());
        Connection { node, client, wait: None }
    }

    /// The connection's number on this node.
    pub fn id(&self) -> u64 {
        self.client.id
    }

    /// What must be durable before the replies made so far may leave.
    pub fn take_wait(&mut self) -> Option<Wait> {
        self.wait.take()
    }

    /// Whether `CLIENT KILL` asked this connection to end.
    pub fn killed(&self) -> bool {
        self.client.killed.load(Ordering::Relaxed)
    }

    /// Resolves once [`Connection::killed`] does; lives apart from the connection, so that a door can wait for both.
    pub fn kill_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let client = self.client.clone();
        async move { client.kill.notified().await }
    }

    /// Keeps what `CLIENT LIST` shows of the session.
    pub fn describe(&mut self, session: &Session) {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let multi = session.queued().map_or(-1, |queued| queued as i64);
        *self.client.described.lock() = format!(
            "name={} db=0 multi={multi} watch={} resp={} lib-name={} lib-ver={} user=default",
            text(&session.name),
            session.watched(),
            session.protocol.max(2),
            text(&session.library.0),
            text(&session.library.1),
        );
    }

    /// Commands carried out, for metrics.
    pub fn count_commands(&self, commands: u64) {
        self.node.clients.commands.fetch_add(commands, Ordering::Relaxed);
    }

    fn must_wait(&mut self, position: Option<Wait>) {
        self.wait = self.wait.max(position);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.node.clients.leave(self.client.id);
    }
}

impl Engine for Connection {
    fn host(&self) -> &dyn Host {
        self.node.as_ref()
    }

    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let (outcome, wait) = self.node.member.read().read(wall_ms, seed, keys, run);
        self.must_wait(wait);
        outcome
    }

    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let (outcome, wait) = self.node.member.write().write(wall_ms, seed, run);
        self.must_wait(wait);
        if wait.is_some() {
            self.node.wakeup.urgent();
        }
        outcome
    }

    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error> {
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let (outcome, wait) = self.node.member.write().write_if_unchanged(wall_ms, seed, watched, run);
        self.must_wait(wait);
        if wait.is_some() {
            self.node.wakeup.urgent();
        }
        outcome
    }

    fn watch(&mut self, key: &[u8]) -> WatchStamp {
        self.node.member.write().watch(key)
    }

    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]) {
        if keys.is_empty() {
            return;
        }
        let mut member = self.node.member.write();
        keys.iter().for_each(|(key, _)| member.unwatch(key));
    }
}
