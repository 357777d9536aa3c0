//! One connection from its first byte to its last: read, run what is whole, wait until it is durable, answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use lc_db::{Engine, Reply, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Sleep, sleep, timeout};

use crate::buffers::{Buffers, OWN_BYTES, Share};
use crate::{Error, Limits, Parser, Protocol, Settings, encode, errors};

/// What a connection needs of the node behind the door.
pub trait Client: Send + 'static {
    /// What must become durable.
    type Wait: Send;

    /// The connection's number on this node.
    fn id(&self) -> u64;

    /// Where commands run.
    fn engine(&mut self) -> &mut dyn Engine;

    /// What must be durable before the replies made since the last call may leave; `None` if nothing was written.
    fn take_wait(&mut self) -> Option<Self::Wait>;

    /// Returns once it is durable, or with the reason why it never will be. Dropping it changes nothing: the write
    /// stays decided, only nobody is told.
    fn durable(&mut self, wait: Self::Wait) -> impl Future<Output = Result<(), lc_db::Error>> + Send;

    /// A write that other regions must hold before its reply may leave.
    type Hold: Send;

    /// What the last command's reply waits for beside durability here; `None` for nearly all.
    fn take_hold(&mut self) -> Option<Self::Hold>;

    /// Returns once enough regions hold it, or with what its client must be told instead. Dropping it changes nothing:
    /// the write stays.
    fn held(&mut self, hold: Self::Hold) -> impl Future<Output = Result<(), lc_db::Error>> + Send;

    /// After a command answered [`lc_db::Error::Later`]: returns once it can be executed again. Dropped, nobody waits.
    fn settle(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether `CLIENT KILL` named this connection.
    fn killed(&self) -> bool;

    /// Resolves once [`Client::killed`] does; lives apart from the client, so that it can be waited for beside it.
    fn kill_signal(&self) -> impl Future<Output = ()> + Send + 'static;

    /// Told when what the session says of itself has changed (`CLIENT LIST` shows it).
    fn describe(&mut self, session: &Session);

    /// Told how many commands a batch held.
    fn count_commands(&mut self, commands: u64);

    /// Told when what the connection has of the room that all share changes, bytes.
    fn count_buffers(&mut self, before: usize, after: usize) {
        let _ = (before, after);
    }

    /// Told when the client reached a bound.
    fn exceeded(&mut self, what: Excess) {
        let _ = what;
    }
}

/// What a client did that a bound had to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Excess {
    /// It did not take its replies; closed.
    Unread,
    /// It sent a part of a large request and then too little; closed.
    Unfinished,
    /// Its large request found no room beside others; closed.
    NoRoomToRead,
    /// Its large reply found no room beside others; told so instead.
    NoRoomToReply,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Excess::Unread => "replies were not taken in time",
            Excess::Unfinished => "a large request was begun and not sent in time",
            Excess::NoRoomToRead => "no room for a large request in time",
            Excess::NoRoomToReply => "no room for a large reply",
        })
    }
}

/// A stream, the client behind it, and what lies between them.
pub(crate) struct Conversation<S, C: Client> {
    stream: S,
    client: C,
    session: Session,
    parser: Parser,
    input: BytesMut,
    output: Vec<u8>,
    /// Replies in `output`.
    replies: usize,
    /// Replies that other regions hold up: where in `output` each belongs, in order.
    held: Vec<Held<C::Hold>>,
    /// The first request in `input` waits for other regions.
    later: bool,
    /// `CLIENT REPLY SKIP` came just before.
    skip: bool,
    told: Told,
    settings: Arc<Settings>,
    shares: Shares,
    /// Set while a large request comes in: it must come on until then.
    patience: Option<Pin<Box<Sleep>>>,
    /// Bytes that have come since then.
    came_bytes: usize,
    /// Replies in `held`, in bytes.
    held_bytes: usize,
    /// There was no room for more replies in this batch.
    crowded: bool,
}

/// Parts of the door's room that the connection has.
struct Shares {
    input: Share,
    output: Share,
    told: usize,
}

/// What [`Client::describe`] was last told.
#[derive(Default, PartialEq)]
struct Told {
    name: Bytes,
    library: (Bytes, Bytes),
    protocol: u8,
    authenticated: bool,
}

/// A reply that may not leave before other regions hold what it claims.
struct Held<H> {
    at: usize,
    reply: Reply,
    hold: H,
    receipts: bool,
    protocol: Protocol,
}

/// What to do once a batch is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There may be another whole request in the buffer.
    Execute,
    /// The next request is not whole.
    Read,
    /// The next request waits for other regions; what came before it is answered first.
    Settle,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send, C: Client> Conversation<S, C> {
    pub(crate) fn new(stream: S, client: C, settings: Arc<Settings>, buffers: &Buffers) -> Self {
        Conversation {
            stream,
            session: Session::new(client.id()),
            client,
            parser: Parser::default(),
            input: BytesMut::new(),
            output: Vec::new(),
            replies: 0,
            held: Vec::new(),
            later: false,
            skip: false,
            told: Told::default(),
            settings,
            shares: Shares { input: buffers.share(), output: buffers.share(), told: 0 },
            patience: None,
            came_bytes: 0,
            held_bytes: 0,
            crowded: false,
        }
    }

    /// Serves until one side ends it. Dropped half-way, commands that ran stay done and their replies are lost.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
        let ended = self.converse().await;
        if let Err(Error::Excess(excess)) = &ended {
            tracing::info!(client = self.session.id, reason = %excess, "a client is closed");
            self.client.exceeded(*excess);
        }
        ended
    }

    async fn converse(&mut self) -> Result<(), Error> {
        while self.read().await? {
            loop {
                let next = self.execute_batch();
                self.answer().await?;
                if self.session.closing || self.client.killed() {
                    return self.close().await;
                }
                if next == Next::Read {
                    break;
                }
                if next == Next::Settle {
                    self.client.settle().await;
                    continue;
                }
                // One client's long pipeline must not keep a thread from the others.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Ends the connection after the last reply.
    ///
    /// What still comes in is read away for a moment: closing a socket with unread bytes resets the connection, and
    /// the client might lose the reply that says why.
    async fn close(&mut self) -> Result<(), Error> {
        let drain = async {
            if self.stream.shutdown().await.is_err() {
                return;
            }
            let mut left = DRAIN_BYTES_MAX;
            while left > 0 {
                self.input.clear();
                self.input.reserve(READ_BYTES_MIN);
                match self.stream.read_buf(&mut self.input).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => left = left.saturating_sub(count),
                }
            }
        };
        let _ = timeout(DRAIN_MAX, drain).await;
        Ok(())
    }

    /// Reads what there is; false at the end of the stream.
    ///
    /// Nothing is read while output is unsent, so a client that never reads costs its own two buffers and no more.
    async fn read(&mut self) -> Result<bool, Error> {
        // Doubling, so that a large value is moved a few times; never what its header claims at once.
        let more = self.input.len().clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        if self.input.len() + more > OWN_BYTES {
            return self.read_large(more).await;
        }
        self.let_go();
        self.input.reserve(more);
        let read = self.stream.read_buf(&mut self.input);
        let count = match self.settings.idle_timeout {
            None => read.await?,
            Some(limit) => timeout(limit, read).await.map_err(|_| Error::Idle)??,
        };
        Ok(count > 0)
    }

    /// Gives back what a large request before took.
    fn let_go(&mut self) {
        if self.input.capacity() > OWN_BYTES {
            self.input = BytesMut::from(&self.input[..]);
        }
        self.shares.input.shrink(0);
        self.tell_shares();
    }

    /// Reads on in a request that needs room, which its client may occupy only as long as it sends on.
    async fn read_large(&mut self, more: usize) -> Result<bool, Error> {
        let room = self.shares.input.hold(self.input.len() + more);
        let limit = self.settings.stall_timeout.or(self.settings.idle_timeout);
        match limit {
            None => room.await,
            Some(limit) => timeout(limit, room).await.map_err(|_| Error::Excess(Excess::NoRoomToRead))?,
        }
        self.tell_shares();
        self.input.reserve(more);
        let read = self.stream.read_buf(&mut self.input);
        let count = match limit {
            None => read.await?,
            Some(limit) => {
                let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(limit)));
                tokio::select! {
                    biased;
                    count = read => count?,
                    () = patience => return Err(Error::Excess(Excess::Unfinished)),
                }
            }
        };
        self.came_bytes += count;
        if self.came_bytes >= PROGRESS_BYTES {
            self.be_patient_again();
        }
        Ok(count > 0)
    }

    fn be_patient_again(&mut self) {
        (self.patience, self.came_bytes) = (None, 0);
    }

    fn tell_shares(&mut self) {
        let now = self.shares.input.bytes() + self.shares.output.bytes();
        if now != self.shares.told {
            self.client.count_buffers(self.shares.told, now);
            self.shares.told = now;
        }
    }

    /// Runs whole requests, up to a batch of them.
    fn execute_batch(&mut self) -> Next {
        let input = std::mem::take(&mut self.input);
        let (mut done, mut count, mut next) = (0, 0, Next::Execute);
        let (mut authenticated, mut limits) = (self.session.authenticated, self.limits());
        while !self.batch_is_full(count) && !self.session.closing {
            if authenticated != self.session.authenticated {
                (authenticated, limits) = (self.session.authenticated, self.limits());
            }
            match self.parser.parse(&input[done..], &limits) {
                Ok(Some(length)) => {
                    self.execute(&input[done..done + length]);
                    if std::mem::take(&mut self.later) {
                        next = Next::Settle;
                        break;
                    }
                    done += length;
                    count += 1;
                }
                Ok(None) => {
                    next = Next::Read;
                    break;
                }
                Err(malformed) => {
                    tracing::debug!(client = self.session.id, %malformed, "connection ends");
                    self.session.closing = true;
                    errors::push_malformed(&malformed, &mut self.output);
                }
            }
        }
        self.input = input;
        self.input.advance(done);
        if done > 0 {
            self.be_patient_again();
        }
        self.client.count_commands(count as u64);
        next
    }

    fn batch_is_full(&self, commands: usize) -> bool {
        commands >= self.settings.pipeline_commands_max
            || self.crowded
            || self.output.len() + self.held_bytes >= self.settings.pipeline_bytes_max
    }

    fn limits(&mut self) -> Limits {
        match self.session.authenticated || !self.client.engine().host().password_required() {
            true => self.settings.limits,
            false => Limits::STRANGER,
        }
    }

    fn execute(&mut self, request: &[u8]) {
        let words = self.parser.words(request);
        let Some(name) = words.first() else { return };
        if self.parser.is_line() && is_http(name) {
            tracing::warn!(
                client = self.session.id,
                "HTTP on the RESP door: a web page may be trying to send commands"
            );
            self.session.closing = true;
            return;
        }
        let reply = self.session.execute(&words, self.client.engine());
        if matches!(reply, Reply::Error(lc_db::Error::Later)) {
            self.later = true;
            return;
        }
        let bytes = reply.bytes();
        let room = self.shares.output.try_hold(self.output.len() + self.held_bytes + bytes);
        let reads = !room && lc_db::find(name).is_some_and(|command| matches!(command.run, lc_db::Run::Read(_)));
        drop(words);
        let reply = if room { reply } else { self.without_room(reply, bytes, reads) };
        // At once, not once a batch: the next command may be `CLIENT LIST`.
        if std::mem::take(&mut self.session.changed) {
            self.describe();
        }
        self.push(reply);
    }

    /// The reply all the same if it is small, else what its client is told instead.
    fn without_room(&mut self, reply: Reply, bytes: usize, only_read: bool) -> Reply {
        if bytes <= OWN_BYTES {
            // Small ones go out, and room may have come by the next batch.
            self.crowded = true;
            return reply;
        }
        self.client.exceeded(Excess::NoRoomToReply);
        Reply::Error(lc_db::Error::Unavailable(format!(
            "{} of {bytes} bytes: clients that do not take theirs have it all (resp.buffers_bytes_max)",
            match only_read {
                true => "there is no room for the reply",
                false => "the command was carried out, but there is no room for its reply",
            }
        )))
    }

    fn push(&mut self, reply: Reply) {
        let hold = self.client.take_hold();
        let skip_this = std::mem::take(&mut self.skip);
        if std::mem::take(&mut self.session.skip_next) {
            self.skip = true;
            return;
        }
        if skip_this || self.session.silent {
            return;
        }
        let (protocol, receipts) = (Protocol::of(self.session.protocol), self.session.receipts);
        self.replies += 1;
        if let Some(hold) = hold {
            self.held_bytes += reply.bytes();
            self.held.push(Held { at: self.output.len(), reply, hold, receipts, protocol });
            return;
        }
        if receipts {
            let reply = self.with_receipt(reply, receipts);
            encode(&reply, protocol, &mut self.output);
        } else {
            encode(&reply, protocol, &mut self.output);
        }
    }

    /// The reply, with its receipt beside it if the client asked for receipts.
    fn with_receipt(&mut self, reply: Reply, receipts: bool) -> Reply {
        if !receipts {
            return reply;
        }
        Reply::Array(vec![reply, self.client.engine().receipt().reply()])
    }

    /// Sends the batch's replies, after what they claim is durable.
    async fn answer(&mut self) -> Result<(), Error> {
        if let Some(wait) = self.client.take_wait()
            && let Err(error) = self.client.durable(wait).await
        {
            self.retract(&error);
        }
        self.answer_held().await;
        self.tell_shares();
        self.send().await?;
        self.output.clear();
        self.output.shrink_to(OWN_BYTES);
        self.shares.output.shrink(0);
        self.tell_shares();
        (self.replies, self.held_bytes, self.crowded) = (0, 0, false);
        Ok(())
    }

    /// Sends what is there, each part as fast as a client must take it at least.
    async fn send(&mut self) -> Result<(), Error> {
        for part in self.output.chunks(PROGRESS_BYTES) {
            let stream = &mut self.stream;
            let sent = async {
                stream.write_all(part).await?;
                stream.flush().await
            };
            match self.settings.stall_timeout {
                None => sent.await?,
                Some(limit) => timeout(limit, sent).await.map_err(|_| Error::Excess(Excess::Unread))??,
            }
        }
        Ok(())
    }

    /// Puts replies that other regions held up where they belong, or what their clients must be told instead.
    async fn answer_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (before, mut taken) = (std::mem::take(&mut self.output), 0);
        for Held { at, reply, hold, receipts, protocol } in std::mem::take(&mut self.held) {
            let reply = match self.client.held(hold).await {
                Ok(()) => reply,
                Err(error) => Reply::Error(error),
            };
            let reply = self.with_receipt(reply, receipts);
            self.output.extend_from_slice(&before[taken..at]);
            taken = at;
            encode(&reply, protocol, &mut self.output);
        }
        self.output.extend_from_slice(&before[taken..]);
    }

    /// Takes back replies that were never sent: what they claim did not become durable.
    fn retract(&mut self, error: &lc_db::Error) {
        self.output.clear();
        self.held.clear();
        for _ in 0..self.replies {
            errors::push_refusal(error, &mut self.output);
        }
        self.session.closing = true;
    }

    fn describe(&mut self) {
        let session = &self.session;
        let same = self.told.protocol == session.protocol
            && self.told.authenticated == session.authenticated
            && self.told.name == session.name
            && self.told.library == session.library;
        if !same {
            self.client.describe(session);
            self.told = Told {
                name: session.name.clone(),
                library: session.library.clone(),
                protocol: session.protocol,
                authenticated: session.authenticated,
            };
        }
    }
}

impl<S, C: Client> Drop for Conversation<S, C> {
    /// Keys that the connection watched are let go, however it ended.
    fn drop(&mut self) {
        self.client.count_buffers(self.shares.told, 0);
        self.session.discard(self.client.engine());
    }
}

/// A browser that was talked into posting commands sends these lines first.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// How long, and how much, a connection that is over is still read.
const DRAIN_MAX: Duration = Duration::from_secs(1);
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What must come, or be taken, within the time-out: slower than that, memory is occupied for nothing.
const PROGRESS_BYTES: usize = 1024 * 1024;
/// Least room for a read: a pipeline of sixteen small writes.
const READ_BYTES_MIN: usize = 8 * 1024;
/// Most room that is made for one read.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;
