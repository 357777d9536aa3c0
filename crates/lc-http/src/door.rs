//! The listener: takes connections in, a bounded number of them, and speaks HTTP/1.1 with each.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::asked::Behind;
use crate::patience::{Patient, is_unread};
use crate::room::Room;
use crate::routes::{self, router};
use crate::{Database, Error, Inside, openapi};

/// What the door is told once.
#[derive(Clone)]
pub struct Settings {
    /// What every request but `/health` must show; `None`: nothing.
    pub token: Option<String>,
    /// Connections at a time, at least 1; one more waits until another ends.
    pub connections_max: usize,
    /// Memory for bodies on their way, in and out together, bytes.
    pub bodies_bytes_max: usize,
    /// How long a client may take for the next MiB of its answer, or the rest of it; `None`: for ever.
    pub stall_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            token: None,
            connections_max: CONNECTIONS_MAX,
            bodies_bytes_max: BODIES_BYTES_MAX,
            stall_timeout: Some(STALL_MAX),
        }
    }
}

/// An open door.
pub struct Door {
    listener: TcpListener,
    settings: Settings,
    database: Option<Arc<dyn Database>>,
}

impl Door {
    /// Starts to listen; connections wait in the backlog until [`Door::serve`].
    pub async fn open(address: SocketAddr, settings: Settings) -> Result<Door, Error> {
        let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        Ok(Door { listener, settings, database: None })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Offers records, tables and regions too. Without, only how the node is can be asked.
    pub fn with_database(self, database: Arc<dyn Database>) -> Door {
        Door { database: Some(database), ..self }
    }

    /// Serves until `stop` resolves, then ends every connection. Dropping it does the same.
    ///
    /// `secure` shakes hands with each connection: TLS, or nothing on loopback.
    pub async fn serve<F, S>(
        self,
        inside: Arc<dyn Inside>,
        secure: impl Fn(TcpStream) -> F,
        stop: impl Future<Output = ()>,
    ) where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = self.settings;
        let told = inside.clone();
        let room = Room::new(settings.bodies_bytes_max);
        let behind = Behind { inside, database: self.database, room, description };
        let router = router(behind, settings.token.as_deref());
        let patience = Patience { limit: settings.stall_timeout, told: Some(told) };
        let served =
            Served { listener: self.listener, connections_max: settings.connections_max.max(1), router, patience };
        served.until(secure, stop).await;
    }
}

/// Of every route, those too that need a database where there is none.
fn description() -> Value {
    openapi::description(routes::all())
}

/// A door without a listener, for connections that somebody else has opened, such as those in memory.
pub struct Doorway {
    router: Router,
}

impl Doorway {
    /// What stands behind, and what every request but `/health` must show.
    pub fn new(inside: Arc<dyn Inside>, database: Option<Arc<dyn Database>>, token: Option<&str>) -> Doorway {
        let behind = Behind { inside, database, room: Room::new(BODIES_BYTES_MAX), description };
        Doorway { router: router(behind, token) }
    }

    /// Speaks with one client until either side ends the connection. Dropping it ends it, too.
    pub async fn serve<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        serve_connection(std::future::ready(Ok(stream)), self.router.clone(), Patience::usual()).await;
    }
}

/// Serves any router to a few programs at a time, with this door's bound on the time for a request's head.
pub async fn serve_router<F, S>(
    listener: TcpListener,
    router: Router,
    secure: impl Fn(TcpStream) -> F,
    stop: impl Future<Output = ()>,
) where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = Served { listener, connections_max: OPERATORS_MAX, router, patience: Patience::usual() };
    served.until(secure, stop).await;
}

/// How long clients may leave their answers unread, and who is told when one does.
#[derive(Clone)]
struct Patience {
    limit: Option<Duration>,
    told: Option<Arc<dyn Inside>>,
}

impl Patience {
    fn usual() -> Patience {
        Patience { limit: Some(STALL_MAX), told: None }
    }
}

/// A listener and what stands behind it.
struct Served {
    listener: TcpListener,
    connections_max: usize,
    router: Router,
    patience: Patience,
}

impl Served {
    async fn until<F, S>(self, secure: impl Fn(TcpStream) -> F, stop: impl Future<Output = ()>)
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let room = tasks.len() < self.connections_max;
            tokio::select! {
                biased;
                () = &mut stop => break,
                // One too many waits in the backlog until another ends; none lasts long.
                accepted = self.listener.accept(), if room => match accepted {
                    Ok((stream, _)) => {
                        tasks.spawn(serve_connection(secure(stream), self.router.clone(), self.patience.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accept on the HTTP door");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = tasks.join_next() => {
                    if let Err(panicked) = ended {
                        tracing::error!(error = %panicked, "an HTTP connection's task failed");
                    }
                }
            }
        }
        tasks.shutdown().await;
    }
}

async fn serve_connection<S>(secured: impl Future<Output = io::Result<S>>, router: Router, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(Ok(stream)) = tokio::time::timeout(HEAD_MAX, secured).await else { return };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, patience.limit)), TowerToHyperService::new(router));
    if let Err(error) = serving.await {
        if is_unread(&error) {
            tracing::info!(reason = %error, "an HTTP client is closed: it did not take its answer");
            patience.told.iter().for_each(|inside| inside.left_unread());
        }
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Connections at a time if nothing is said: an application's users, as many as the RESP door takes.
const CONNECTIONS_MAX: usize = 10_000;
/// Connections at a time where only operators come.
const OPERATORS_MAX: usize = 256;
/// Memory for bodies on their way, in and out together: 16 of the largest.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long a client may take for the next MiB of its answer.
const STALL_MAX: Duration = Duration::from_secs(60);
/// For the handshake, and for each request's head; also how long a kept connection may idle.
const HEAD_MAX: Duration = Duration::from_secs(15);
/// Largest head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
