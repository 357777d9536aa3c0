//! `lightcone server`: one node with its two doors, until it is told to stop.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use lc_net::DoorTls;
use lc_node::Node;
use lc_resp::Plain;
use tokio::sync::watch;

use crate::Error;
use crate::config::{self, Config, HttpConfig, RespConfig, TlsFiles};
use crate::doors::{Clients, Operated, OverTls, Served};
use crate::{logging, stop_signal};

/// Runs a node. Dropped half-way, it is as if the process had been killed: nothing acknowledged is lost.
pub async fn run(path: &Path, exit_with_stdin: bool) -> Result<(), Error> {
    let config = config::load(path)?;
    logging::start(&config.log_filter)?;
    logging::stop_on_panic();
    let stop = stop_signal::listen(exit_with_stdin)?;
    let Config { node, resp, http, .. } = config;
    // Doors open first: a taken port must not cost the replay of a journal.
    let resp_door = RespDoor::open(&resp).await?;
    let http_door = open_http(&http).await?;
    let (region, node_id) = (node.region.clone(), node.node_id);
    let node = Node::start(node).await?;
    tracing::info!(region, node_id, resp = %resp.listen, http = %http.listen, "ready");
    serve(&node, resp_door, http_door, stop).await;
    tracing::info!("stopping");
    node.stop().await;
    tracing::info!("stopped");
    Ok(())
}

async fn serve(node: &Arc<Node>, resp: RespDoor, http: HttpDoor, stop: impl Future<Output = ()>) {
    let (told, stopped) = watch::channel(false);
    let stopped = || {
        let mut stopped = stopped.clone();
        async move {
            // An error would mean that the sender below is gone, which is the same.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    let resp = resp.serve(node.clone(), stopped());
    let http = http.serve(node.clone(), stopped());
    let stop = async {
        stop.await;
        told.send_replace(true);
    };
    tokio::join!(resp, http, stop);
}

enum RespDoor {
    Plain(lc_resp::Door<Plain>),
    Tls(lc_resp::Door<OverTls>),
}

impl RespDoor {
    async fn open(config: &RespConfig) -> Result<RespDoor, Error> {
        let limits = lc_resp::Limits {
            request_bytes_max: config.request_bytes_max,
            words_max: config.request_words_max,
            ..lc_resp::Limits::CLIENT
        };
        let settings = lc_resp::Settings {
            clients_max: config.clients_max,
            idle_timeout: config.idle_timeout,
            stall_timeout: config.stall_timeout,
            buffers_bytes_max: config.buffers_bytes_max,
            limits,
            pipeline_commands_max: config.pipeline_commands_max,
            pipeline_bytes_max: config.pipeline_bytes_max,
        };
        Ok(match load_tls(config.tls.as_ref())? {
            None => RespDoor::Plain(lc_resp::Door::open(config.listen, Plain, settings).await?),
            Some(tls) => RespDoor::Tls(lc_resp::Door::open(config.listen, OverTls(tls), settings).await?),
        })
    }

    async fn serve(self, node: Arc<Node>, stop: impl Future<Output = ()> + Send) {
        match self {
            RespDoor::Plain(door) => door.serve(Clients(node), stop).await,
            RespDoor::Tls(door) => door.serve(Clients(node), stop).await,
        }
    }
}

struct HttpDoor {
    door: lc_http::Door,
    tls: Option<DoorTls>,
}

async fn open_http(config: &HttpConfig) -> Result<HttpDoor, Error> {
    let tls = load_tls(config.tls.as_ref())?;
    let settings = lc_http::Settings {
        token: config.token.clone(),
        connections_max: config.connections_max,
        bodies_bytes_max: config.bodies_bytes_max,
        stall_timeout: config.stall_timeout,
    };
    let door = lc_http::Door::open(config.listen, settings).await?;
    Ok(HttpDoor { door, tls })
}

impl HttpDoor {
    async fn serve(self, node: Arc<Node>, stop: impl Future<Output = ()>) {
        let door = self.door.with_database(Arc::new(Served(node.clone())));
        let inside = Arc::new(Operated(node));
        match self.tls {
            None => door.serve(inside, |stream| async { Ok(stream) }, stop).await,
            Some(tls) => {
                let secure = |stream| {
                    let tls = tls.clone();
                    async move { tls.accept(stream).await }
                };
                door.serve(inside, secure, stop).await;
            }
        }
    }
}

fn load_tls(files: Option<&TlsFiles>) -> Result<Option<DoorTls>, Error> {
    let load = |files: &TlsFiles| DoorTls::load(&files.certificate, &files.key, files.client_authority.as_deref());
    Ok(files.map(load).transpose()?)
}
