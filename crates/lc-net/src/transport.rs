//! QUIC as links use it: its socket, its timers, its windows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{
    AckFrequencyConfig, AsyncUdpSocket, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout,
    Runtime, TokioRuntime, TransportConfig, VarInt,
};
use rustls::crypto::SecureRandom;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::congestion::Steady;
use crate::error::Error;
use crate::link::Limits;
use crate::tls::Tls;
use crate::wan::{ShapedSocket, WanEmulation};

/// One socket for dialling and listening: so a peer's source address is its listen address.
pub(crate) fn endpoint(
    listen: SocketAddr,
    tls: &Tls,
    transport: &Arc<TransportConfig>,
    wan: Option<&WanEmulation>,
) -> Result<Endpoint, Error> {
    let runtime = Arc::new(TokioRuntime);
    let failed = |source| Error::Listen { address: listen, source };
    let socket = runtime.wrap_udp_socket(bind(listen).map_err(failed)?).map_err(failed)?;
    let socket: Arc<dyn AsyncUdpSocket> = match wan {
        None => socket,
        Some(wan) => Arc::new(ShapedSocket::new(socket, wan.clone())),
    };
    let server = server_config(tls, transport);
    Endpoint::new_with_abstract_socket(endpoint_config(tls), Some(server), socket, runtime).map_err(failed)
}

/// What a dialler uses.
pub(crate) fn client_config(tls: &Tls, transport: &Arc<TransportConfig>) -> quinn::ClientConfig {
    let mut config = quinn::ClientConfig::new(tls.client.clone());
    config.transport_config(transport.clone());
    config
}

/// The settings of every connection, dialled or accepted.
pub(crate) fn transport_config(limits: &Limits) -> Result<Arc<TransportConfig>, Error> {
    let idle = IdleTimeout::try_from(limits.idle_timeout)
        .map_err(|e| Error::Setting { setting: "idle_timeout", reason: e.to_string() })?;
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(limits.keep_alive))
        // One stream each way, for as long as the connection lives.
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES_MIN)
        .send_fairness(false)
        .datagram_receive_buffer_size(None)
        .initial_rtt(INITIAL_RTT)
        .ack_frequency_config(Some(ack_frequency()))
        .congestion_controller_factory(Arc::new(Steady::new(INITIAL_WINDOW_BYTES)));
    Ok(Arc::new(config))
}

/// How much a connection may have unacknowledged, now that its congestion window is `window_bytes`.
///
/// More than the network takes would only wait in QUIC, where nothing can see it or hold it back.
pub(crate) fn send_window_bytes(window_bytes: u64) -> u64 {
    (window_bytes * 2 + SEND_WINDOW_BYTES_MIN).min(u64::from(WINDOW_BYTES))
}

fn ack_frequency() -> AckFrequencyConfig {
    let mut config = AckFrequencyConfig::default();
    // An acknowledgement costs about 35 bytes; one for ten packets or 25 ms is enough.
    // A gap of three is told at once.
    config.ack_eliciting_threshold(VarInt::from_u32(9)).max_ack_delay(Some(Duration::from_millis(25)));
    config
}

fn endpoint_config(tls: &Tls) -> EndpointConfig {
    let mut config = EndpointConfig::new(tls.reset_key.clone());
    let random = tls.random;
    config.cid_generator(move || Box::new(ShortIds { random }));
    config
}

fn server_config(tls: &Tls, transport: &Arc<TransportConfig>) -> quinn::ServerConfig {
    let mut config = quinn::ServerConfig::with_crypto(tls.server.clone());
    // What strangers can make us hold before they have shown a certificate.
    config
        .transport_config(transport.clone())
        .max_incoming(256)
        .incoming_buffer_size(64 * 1024)
        .incoming_buffer_size_total(4 * 1024 * 1024);
    config
}

/// Every packet carries its connection's id, and a node has a handful of connections: four bytes are enough.
struct ShortIds {
    random: &'static dyn SecureRandom,
}

impl ConnectionIdGenerator for ShortIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; SHORT_ID_BYTES];
        self.random.fill(&mut id).expect("the system's random source works, or TLS would not have started");
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        SHORT_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn bind(listen: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // The kernel grants what its own bound allows; less is slower, not wrong.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&SockAddr::from(listen))?;
    Ok(socket.into())
}

/// 1 Gbit/s over 300 ms.
const WINDOW_BYTES: u32 = 38 * 1024 * 1024;
const SEND_WINDOW_BYTES_MIN: u64 = 256 * 1024;
/// Low, so that a lost first packet is repeated after 0.3, 0.9 and 2.1 s: a healed cut is noticed soon.
const INITIAL_RTT: Duration = Duration::from_millis(100);
/// RFC 9002 (7.2) advises ten packets for clients of every kind on lines of every kind. Links are few, long-lived and between data
/// centres: 128 KiB spare a catch-up three round trips. They do not go at once: QUIC spreads a window over a round trip (RFC 9002,
/// 7.7), which is 13 Mbit/s at 80 ms, and over a line that cannot take that, the queue or the loss that this makes
/// narrows the window at once (`congestion.rs`).
const INITIAL_WINDOW_BYTES: u64 = 128 * 1024;
const SHORT_ID_BYTES: usize = 4;
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
