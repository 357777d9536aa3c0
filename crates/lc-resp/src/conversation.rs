//! One connection from its first byte to its last: read, run what is whole, wait until it is durable, answer.

use std::future::Future;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use lc_db::{Engine, Reply, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Error, Limits, Parser, Protocol, encode, errors};

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
    idle_timeout: Option<Duration>,
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
    pub(crate) fn new(stream: S, client: C, idle_timeout: Option<Duration>) -> Self {
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
            idle_timeout,
        }
    }

    /// Serves until one side ends it. Dropped half-way, commands that ran stay done and their replies are lost.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
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
        self.stream.shutdown().await?;
        let drain = async {
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
        let _ = tokio::time::timeout(DRAIN_MAX, drain).await;
        Ok(())
    }

    /// Reads what there is; false at the end of the stream.
    ///
    /// Nothing is read while output is unsent, so a client that never reads costs its own two buffers and no more.
    async fn read(&mut self) -> Result<bool, Error> {
        if self.input.is_empty() && self.input.capacity() > BUFFER_KEPT_BYTES {
            self.input = BytesMut::new();
        }
        // Doubling, so that a large value is moved a few times; never what its header claims at once.
        self.input.reserve(self.input.len().clamp(READ_BYTES_MIN, READ_BYTES_MAX));
        let read = self.stream.read_buf(&mut self.input);
        let count = match self.idle_timeout {
            None => read.await?,
            Some(limit) => tokio::time::timeout(limit, read).await.map_err(|_| Error::Idle)??,
        };
        Ok(count > 0)
    }

    /// Runs whole requests, up to a batch of them.
    fn execute_batch(&mut self) -> Next {
        let input = std::mem::take(&mut self.input);
        let (mut done, mut count, mut next) = (0, 0u64, Next::Execute);
        while count < BATCH_COMMANDS_MAX && self.output.len() < BATCH_OUTPUT_BYTES && !self.session.closing {
            let limits = self.limits();
            match self.parser.parse(&input[done..], limits) {
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
        self.client.count_commands(count);
        next
    }

    fn limits(&mut self) -> &'static Limits {
        match self.session.authenticated || !self.client.engine().host().password_required() {
            true => &Limits::CLIENT,
            false => &Limits::STRANGER,
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
        drop(words);
        if matches!(reply, Reply::Error(lc_db::Error::Later)) {
            self.later = true;
            return;
        }
        // At once, not once a batch: the next command may be `CLIENT LIST`.
        self.describe();
        self.push(reply);
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
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
        }
        self.output.clear();
        self.output.shrink_to(BUFFER_KEPT_BYTES);
        self.replies = 0;
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
/// Commands that one client may run before the others have a turn.
const BATCH_COMMANDS_MAX: u64 = 256;
/// Output after which a batch is sent; one reply may go beyond it.
const BATCH_OUTPUT_BYTES: usize = 1024 * 1024;
/// Room that a connection keeps between requests, for each direction.
const BUFFER_KEPT_BYTES: usize = 64 * 1024;
/// Least room for a read: a pipeline of sixteen small writes.
const READ_BYTES_MIN: usize = 8 * 1024;
/// Most room that is made for one read.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;
