//! The listener: takes connections in, at most so many, and gives each its own task.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::conversation::{Client, Conversation};
use crate::{Error, errors};

/// Makes a [`Client`] for each connection.
pub trait Connect: Send + Sync + 'static {
    /// What it makes.
    type Client: Client;

    /// Registers a connection from `address`; dropping the client takes it back.
    fn connect(&self, address: SocketAddr) -> Self::Client;
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
}

/// An open door.
pub struct Door<S> {
    listener: TcpListener,
    secure: Arc<S>,
    settings: Settings,
}

impl<S: Secure> Door<S> {
    /// Starts to listen; connections wait in the backlog until [`Door::serve`].
    pub async fn open(address: SocketAddr, secure: S, settings: Settings) -> Result<Door<S>, Error> {
        let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        Ok(Door { listener, secure: Arc::new(secure), settings })
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
            return;
        }
        let (secure, idle_timeout, client) =
            (self.secure.clone(), self.settings.idle_timeout, connect.connect(address));
        tasks.spawn(async move {
            if let Err(error) = serve_client(stream, &*secure, client, idle_timeout).await {
                tracing::debug!(%address, %error, "a connection ended early");
            }
        });
    }
}

async fn serve_client<S: Secure, C: Client>(
    stream: TcpStream,
    secure: &S,
    client: C,
    idle_timeout: Option<Duration>,
) -> Result<(), Error> {
    let killed = client.kill_signal();
    let stream = tokio::time::timeout(HANDSHAKE_MAX, secure.secure(stream)).await.map_err(|_| Error::Idle)??;
    let mut conversation = Conversation::new(stream, client, idle_timeout);
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
