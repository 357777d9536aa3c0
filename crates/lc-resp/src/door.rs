//! The listener: takes connections in, at most so many, and gives each its own task.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::buffers::Buffers;
use crate::conversation::{Client, Conversation};
use crate::{Error, Limits, errors};

/// Makes a [`Client`] for each connection.
pub trait Connect: Send + Sync + 'static {
    /// What it makes.
    type Client: Client;

    /// Registers a connection from `address`; dropping the client takes it back.
    fn connect(&self, address: SocketAddr) -> Self::Client;

    /// Told when a connection was refused because there are too many.
    fn refused(&self, address: SocketAddr) {
        let _ = address;
    }
}

/// What stands between TCP and RESP: nothing, or TLS.
pub trait Secure: Send + Sync + 'static {
    /// What RESP is spoken over.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Shakes hands; an error ends the connection.
    fn secure(&self, stream: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// TCP as it is; for loopback.
pub struct Plain;

impl Secure for Plain {
    type Stream = TcpStream;

    async fn secure(&self, stream: TcpStream) -> io::Result<TcpStream> {
        Ok(stream)
    }
}

/// What the door is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections at a time; one more is refused.
    pub clients_max: usize,
    /// How long a connection may ask nothing; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a client may take for the next MiB of a large request that it has begun, or of replies that it was sent;
    /// `None`: for ever.
    pub stall_timeout: Option<Duration>,
    /// All clients' requests and replies together, beyond the little that each has of its own, bytes.
    pub buffers_bytes_max: usize,
    /// Bounds on a request of a client that may run commands.
    pub limits: Limits,
    /// Commands of one client that are run before their replies are sent and others have a turn.
    pub pipeline_commands_max: usize,
    /// Replies, in bytes, after which no more commands of a client are run before they are sent; one may go beyond.
    pub pipeline_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            clients_max: 10_000,
            idle_timeout: None,
            stall_timeout: Some(Duration::from_secs(60)),
            buffers_bytes_max: 1 << 30,
            limits: Limits::CLIENT,
            pipeline_commands_max: 256,
            pipeline_bytes_max: 1 << 20,
        }
    }
}

/// An open door.
pub struct Door<S> {
    listener: TcpListener,
    secure: Arc<S>,
    settings: Arc<Settings>,
    buffers: Buffers,
}

impl<S: Secure> Door<S> {
    /// Starts to listen; connections wait in the backlog until [`Door::serve`].
    pub async fn open(address: SocketAddr, secure: S, settings: Settings) -> Result<Door<S>, Error> {
        let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        let buffers = Buffers::new(settings.buffers_bytes_max);
        Ok(Door { listener, secure: Arc::new(secure), settings: Arc::new(settings), buffers })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then ends every connection. Dropping it does the same.
    pub async fn serve(self, connect: impl Connect, stop: impl Future<Output = ()> + Send) {
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address, &connect, &mut tasks),
                    Err(error) => {
                        // Usually out of file descriptors: connections wait in the backlog until some are closed.
                        tracing::warn!(%error, "accept on the RESP door");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = tasks.join_next() => {
                    if let Err(panicked) = ended {
                        tracing::error!(error = %panicked, "a connection's task failed");
                    }
                }
            }
        }
        tasks.shutdown().await;
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, connect: &impl Connect, tasks: &mut JoinSet<()>) {
        // Replies are written whole; waiting for more to send with them would only delay them.
        let _ = stream.set_nodelay(true);
        if tasks.len() >= self.settings.clients_max {
            refuse(stream);
            connect.refused(address);
            return;
        }
        let (secure, settings, buffers) = (self.secure.clone(), self.settings.clone(), self.buffers.clone());
        let client = connect.connect(address);
        tasks.spawn(async move {
            if let Err(error) = serve_client(stream, &*secure, client, settings, &buffers).await {
                tracing::debug!(%address, %error, "a connection ended early");
            }
        });
    }
}

async fn serve_client<S: Secure, C: Client>(
    stream: TcpStream,
    secure: &S,
    client: C,
    settings: Arc<Settings>,
    buffers: &Buffers,
) -> Result<(), Error> {
    let killed = client.kill_signal();
    let stream = tokio::time::timeout(HANDSHAKE_MAX, secure.secure(stream)).await.map_err(|_| Error::Idle)??;
    let mut conversation = Conversation::new(stream, client, settings, buffers);
    tokio::select! {
        biased;
        ended = conversation.run() => ended,
        () = killed => Ok(()),
    }
}

/// Says why and hangs up, without waiting: what does not fit into the socket's own buffer is not worth a task.
fn refuse(stream: TcpStream) {
    let mut line = Vec::new();
    errors::push_full(&mut line);
    let _ = stream.try_write(&line);
}

/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A TLS handshake takes two round trips; this allows for the far side of the world and a lost packet.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
