//! A node's configuration: read from TOML, checked against the list of settings, nothing started if it is wrong.

mod error;
pub mod page;
mod reading;
mod settings;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lc_net::LinkShape;
use lc_node::{LinkConfig, Peer, Queues};

pub use error::Error;
pub use reading::is_label;
use reading::{File, Reading};

/// What `lightcone server` runs with.
#[derive(Debug)]
pub struct Config {
    /// For the node itself; its password is the RESP door's.
    pub node: lc_node::Config,
    /// The door for Redis clients.
    pub resp: RespConfig,
    /// The door for operators.
    pub http: HttpConfig,
    /// What is logged.
    pub log_filter: String,
}

/// The RESP door.
#[derive(Debug)]
pub struct RespConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Connections at a time.
    pub clients_max: usize,
    /// When a connection that asks nothing is closed; `None`: never.
    pub idle_timeout: Option<Duration>,
    /// When a client that sends half a large request, or takes no replies, is closed; `None`: never.
    pub stall_timeout: Option<Duration>,
    /// Memory for large requests and replies, all clients together.
    pub buffers_bytes_max: usize,
    /// The largest request, bytes.
    pub request_bytes_max: usize,
    /// Its words.
    pub request_words_max: usize,
    /// Commands of one client that are run at a time.
    pub pipeline_commands_max: usize,
    /// Their replies, bytes.
    pub pipeline_bytes_max: usize,
    /// TLS, if any.
    pub tls: Option<TlsFiles>,
}

/// The HTTP door.
pub struct HttpConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What requests must bear; never logged.
    pub token: Option<String>,
    /// Connections at a time.
    pub connections_max: usize,
    /// Memory for bodies on their way, bytes.
    pub bodies_bytes_max: usize,
    /// When a client that does not take its answer is closed; `None`: never.
    pub stall_timeout: Option<Duration>,
    /// TLS, if any.
    pub tls: Option<TlsFiles>,
}

impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig").field("listen", &self.listen).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Files that TLS at a door is made of, PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// What clients see.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Whose clients come in; `None`: all.
    pub client_authority: Option<PathBuf>,
}

/// Reads a configuration file, and the secrets in files that it names.
pub fn load(path: &Path) -> Result<Config, Error> {
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { file: path.to_owned(), key: String::new(), source })?;
    parse(path, &text)
}

/// The same, from text; `path` is where relative paths start.
pub fn parse(path: &Path, text: &str) -> Result<Config, Error> {
    let file = File::parse(path, text)?;
    let resp = resp(&file.section("resp"))?;
    let password = secret(&file.section("resp"), "password_file")?;
    guard_resp(&file.section("resp"), &resp, password.is_some())?;
    let http = http(&file.section("http"))?;
    let node = node(&file, &resp, password)?;
    guard_buffers(&file.section("resp"), &resp, &node.bounds)?;
    Ok(Config { node, resp, http, log_filter: file.section("log").text("filter")? })
}

fn node(file: &File, resp: &RespConfig, password: Option<String>) -> Result<lc_node::Config, Error> {
    let (top, storage) = (file.section(""), file.section("storage"));
    let node_id = top.whole("node_id")? as u16;
    let peers = peers(file, node_id)?;
    let emulation = top.flag("emulation_allowed")?;
    let coordinates = coordinates(&top)?;
    Ok(lc_node::Config {
        node_id,
        region: top.text("region")?,
        cluster: top.text("cluster")?,
        data_dir: top.path("data_dir")?,
        link: link(&file.section("link"))?,
        shapes: shapes(file, emulation, &peers)?,
        peers,
        cache_bytes: storage.whole("cache_bytes")? as usize,
        dirty_bytes_max: storage.whole("dirty_bytes_max")? as usize,
        journal_segment_bytes: storage.whole("journal_segment_bytes")?,
        disk_reserve_bytes: storage.whole("disk_reserve_bytes")?,
        journal_truncate: storage.flag("journal_truncate")?,
        journal_retain_bytes: storage.whole("journal_retain_bytes")?,
        journal_retain_s: storage.whole("journal_retain_s")?,
        recount_rows_per_second: storage.whole("recount_rows_per_second")?,
        catch_up_bytes_per_second: storage.whole("catch_up_bytes_per_second")?,
        queues: queues(&storage)?,
        bounds: bounds(&file.section("limits"))?,
        shown: shown(resp),
        client_buffers_bytes_max: resp.buffers_bytes_max,
        clients_max: resp.clients_max,
        password,
        max_offset_ms: file.section("clock").whole("max_offset_ms")?,
        emulation,
        authority_key_file: authority_key(&file.section("link"))?,
        latitude: coordinates.map(|(latitude, _)| latitude),
        longitude: coordinates.map(|(_, longitude)| longitude),
        jurisdictions: jurisdictions(&top)?,
        joined: top.flag("joined")?,
    })
}

fn queues(storage: &Reading<'_>) -> Result<Queues, Error> {
    Ok(Queues {
        journal_pending_bytes_max: storage.whole("journal_pending_bytes_max")? as usize,
        journal_wait: Duration::from_millis(storage.whole("journal_wait_ms")?),
        journal_tail_bytes: storage.whole("journal_tail_bytes")? as usize,
        inbox_bytes_max: storage.whole("inbox_bytes_max")? as usize,
    })
}

fn bounds(limits: &Reading<'_>) -> Result<lc_db::Bounds, Error> {
    Ok(lc_db::Bounds {
        key_bytes_max: limits.whole("key_bytes_max")? as usize,
        field_bytes_max: limits.whole("field_bytes_max")? as usize,
        value_bytes_max: limits.whole("value_bytes_max")? as usize,
        reply_elements_max: limits.whole("reply_elements_max")? as usize,
        reply_bytes_max: limits.whole("reply_bytes_max")? as usize,
    })
}

/// What `CONFIG GET` tells of the RESP door, by the names that Redis has for it.
fn shown(resp: &RespConfig) -> Vec<(String, String)> {
    let seconds = |time: Option<Duration>| time.map_or(0, |time| time.as_secs());
    // Redis' three classes of clients; of these only normal ones are here. Nothing more is made for a client that has this
    // much, and it is closed when it takes too little of it in time.
    let normal = format!("normal 0 {} {}", resp.pipeline_bytes_max, seconds(resp.stall_timeout));
    [
        ("timeout", seconds(resp.idle_timeout).to_string()),
        ("client-query-buffer-limit", resp.request_bytes_max.to_string()),
        ("client-output-buffer-limit", format!("{normal} slave 0 0 0 pubsub 0 0 0")),
        ("lightcone-stall-timeout-ms", resp.stall_timeout.map_or(0, |time| time.as_millis()).to_string()),
        ("lightcone-request-words-max", resp.request_words_max.to_string()),
        ("lightcone-pipeline-commands-max", resp.pipeline_commands_max.to_string()),
        ("lightcone-pipeline-bytes-max", resp.pipeline_bytes_max.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A request or a reply that alone is larger than the room for all would wait in vain.
fn guard_buffers(reading: &Reading<'_>, resp: &RespConfig, bounds: &lc_db::Bounds) -> Result<(), Error> {
    let least = resp.request_bytes_max + bounds.reply_bytes_max + READ_BYTES;
    if resp.buffers_bytes_max >= least {
        return Ok(());
    }
    let what = format!("request_bytes_max, limits.reply_bytes_max and 4 MiB must fit; set it to {least} or more");
    Err(reading.together("buffers_bytes_max", what))
}

/// Degrees north and east, both or neither.
fn coordinates(top: &Reading<'_>) -> Result<Option<(f64, f64)>, Error> {
    match (top.number_if_any("latitude")?, top.number_if_any("longitude")?) {
        (Some(latitude), Some(longitude)) => Ok(Some((latitude, longitude))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(top.together("latitude", "needs longitude beside it")),
        (None, Some(_)) => Err(top.together("longitude", "needs latitude beside it")),
    }
}

/// Names between commas, each once, in order of the alphabet.
fn jurisdictions(top: &Reading<'_>) -> Result<Vec<String>, Error> {
    let Some(text) = top.text_if_any("jurisdictions")? else { return Ok(Vec::new()) };
    let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if let Some(wrong) = names.iter().find(|name| !is_label(name)) {
        let right = "names between commas, each 1 to 40 of a-z, 0-9 and '-', such as \"eu, de\"";
        return Err(top.together("jurisdictions", format!("'{wrong}' is no name; write {right}")));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn link(link: &Reading<'_>) -> Result<LinkConfig, Error> {
    Ok(LinkConfig {
        listen: link.address("listen")?,
        advertise: link.address_if_any("advertise")?,
        certificate_file: link.path("certificate_file")?,
        key_file: link.path("key_file")?,
        authority_file: link.path("authority_file")?,
        coalesce_us: link.whole("coalesce_us")?,
        queue_bytes_max: link.whole("queue_bytes_max")? as usize,
        unread_bytes_max: link.whole("unread_bytes_max")? as usize,
    })
}

fn peers(file: &File, own: u16) -> Result<Vec<Peer>, Error> {
    let mut peers: Vec<Peer> = Vec::new();
    for reading in file.sections("peers") {
        let peer = Peer {
            node_id: reading.whole("node_id")? as u16,
            region: reading.text("region")?,
            address: reading.address("address")?,
        };
        if peer.node_id == own || peers.iter().any(|other| other.node_id == peer.node_id) {
            return Err(reading.together("node_id", "another node has this number; each needs its own"));
        }
        if peers.iter().any(|other| other.address == peer.address) {
            return Err(reading.together("address", "another peer has this address"));
        }
        peers.push(peer);
    }
    Ok(peers)
}

fn shapes(file: &File, allowed: bool, peers: &[Peer]) -> Result<Vec<(u16, LinkShape)>, Error> {
    let mut shapes = Vec::new();
    for reading in file.sections("emulation") {
        if !allowed {
            return Err(file
                .section("")
                .together("emulation_allowed", "[[emulation]] is for development; set this to true or leave it out"));
        }
        let peer = reading.whole("peer")? as u16;
        if !peers.iter().any(|known| known.node_id == peer) {
            return Err(reading.together("peer", "no [[peers]] has this node_id"));
        }
        let shape = LinkShape {
            one_way: milliseconds(reading.number("one_way_ms")?),
            jitter: milliseconds(reading.number("jitter_ms")?),
            loss_percent: reading.number("loss_percent")?,
            bandwidth_bytes_per_s: reading.whole_if_any("bandwidth_bytes_per_s")?,
            cut: reading.flag("cut")?,
        };
        shapes.push((peer, shape));
    }
    Ok(shapes)
}

fn resp(resp: &Reading<'_>) -> Result<RespConfig, Error> {
    Ok(RespConfig {
        listen: resp.address("listen")?,
        clients_max: resp.whole("clients_max")? as usize,
        idle_timeout: time_out(resp, "idle_timeout_ms")?,
        stall_timeout: time_out(resp, "stall_timeout_ms")?,
        buffers_bytes_max: resp.whole("buffers_bytes_max")? as usize,
        request_bytes_max: resp.whole("request_bytes_max")? as usize,
        request_words_max: resp.whole("request_words_max")? as usize,
        pipeline_commands_max: resp.whole("pipeline_commands_max")? as usize,
        pipeline_bytes_max: resp.whole("pipeline_bytes_max")? as usize,
        tls: tls(resp, resp.path_if_any("client_authority_file")?)?,
    })
}

/// Milliseconds; 0 stands for never.
fn time_out(reading: &Reading<'_>, name: &str) -> Result<Option<Duration>, Error> {
    let ms = reading.whole(name)?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

fn http(http: &Reading<'_>) -> Result<HttpConfig, Error> {
    let config = HttpConfig {
        listen: http.address("listen")?,
        token: secret(http, "token_file")?,
        connections_max: http.whole("connections_max")? as usize,
        bodies_bytes_max: http.whole("bodies_bytes_max")? as usize,
        stall_timeout: time_out(http, "stall_timeout_ms")?,
        tls: tls(http, None)?,
    };
    if !config.listen.ip().is_loopback() {
        let lacks =
            lacking(&[(config.tls.is_none(), "certificate_file and key_file"), (config.token.is_none(), "token_file")]);
        if !lacks.is_empty() {
            return Err(http.together("listen", beyond_loopback("http", &lacks)));
        }
    }
    Ok(config)
}

fn guard_resp(reading: &Reading<'_>, resp: &RespConfig, password: bool) -> Result<(), Error> {
    if resp.listen.ip().is_loopback() {
        return Ok(());
    }
    let knows_clients = password || resp.tls.as_ref().is_some_and(|tls| tls.client_authority.is_some());
    let lacks = lacking(&[
        (resp.tls.is_none(), "certificate_file and key_file"),
        (!knows_clients, "password_file or client_authority_file"),
    ]);
    if lacks.is_empty() { Ok(()) } else { Err(reading.together("listen", beyond_loopback("resp", &lacks))) }
}

fn lacking(wanted: &[(bool, &'static str)]) -> String {
    let lacks: Vec<&str> = wanted.iter().filter(|(lacks, _)| *lacks).map(|(_, what)| *what).collect();
    lacks.join(", and ")
}

fn beyond_loopback(section: &str, lacks: &str) -> String {
    format!("others than this machine could connect; add {lacks} to [{section}], or listen on 127.0.0.1")
}

fn tls(reading: &Reading<'_>, client_authority: Option<PathBuf>) -> Result<Option<TlsFiles>, Error> {
    match (reading.path_if_any("certificate_file")?, reading.path_if_any("key_file")?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key, client_authority })),
        (None, None) if client_authority.is_some() => {
            Err(reading.together("client_authority_file", "needs certificate_file and key_file beside it"))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(reading.together("certificate_file", "needs key_file beside it")),
        (None, Some(_)) => Err(reading.together("key_file", "needs certificate_file beside it")),
    }
}

/// A secret out of its file: the first line, without its end. Files that others can read hold no secrets.
fn secret(reading: &Reading<'_>, name: &str) -> Result<Option<String>, Error> {
    let Some(path) = reading.path_if_any(name)? else { return Ok(None) };
    let unreadable = |source| reading.unreadable(name, path.clone(), source);
    refuse_open(reading, name, &path, &fs::metadata(&path).map_err(unreadable)?)?;
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    match text.lines().next().unwrap_or_default() {
        "" => Err(reading.together(name, "the file's first line is empty; it must hold the secret")),
        secret => Ok(Some(secret.to_owned())),
    }
}

/// The key is read when the node starts; a file that is there and that others can read is refused at once.
fn authority_key(link: &Reading<'_>) -> Result<Option<PathBuf>, Error> {
    let name = "authority_key_file";
    let Some(path) = link.path_if_any(name)? else { return Ok(None) };
    if let Ok(metadata) = fs::metadata(&path) {
        refuse_open(link, name, &path, &metadata)?;
    }
    Ok(Some(path))
}

fn refuse_open(reading: &Reading<'_>, name: &str, path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let what = format!("others can read this file (mode {:04o}); run: chmod 600 {}", mode & 0o7777, path.display());
    Err(reading.together(name, what))
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}

/// What the RESP door reads at a time of a large request.
const READ_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests;
