//! A peer with a good certificate that then behaves badly: it costs its own connection, nothing else.

use std::sync::Arc;
use std::time::Duration;

use lc_env::{Clock, RealClock};
use lc_net::{Authority, Config, Identity, Limits, LinkEvent, Links, NodeCertificate, NodeName, PeerAddress};
use prost::Message;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The hello, written a second time: its bytes are a promise to other releases.
#[derive(Clone, PartialEq, Message)]
struct Hello {
    #[prost(uint32, tag = "1")]
    version_min: u32,
    #[prost(uint32, tag = "2")]
    version_max: u32,
    #[prost(string, tag = "3")]
    cluster_id: String,
    #[prost(uint32, tag = "4")]
    node_id: u32,
    #[prost(string, tag = "5")]
    region: String,
}

fn hello() -> Hello {
    Hello { version_min: 1, version_max: 1, cluster_id: "test".to_owned(), node_id: 1, region: "paris".to_owned() }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes(), body].concat()
}

struct World {
    authority: Authority,
    oslo: Links,
    events: mpsc::Receiver<LinkEvent>,
}

/// Oslo (node 2), which expects Paris (node 1) to dial. Paris is played by hand.
fn world() -> World {
    let authority = Authority::generate("test").unwrap();
    let issued = issue(&authority, 2, "oslo");
    let (sender, events) = mpsc::channel(16);
    let paris = PeerAddress { node_id: 1, region: "paris".to_owned(), addr: ([127, 0, 0, 1], 9).into() };
    let config = Config {
        cluster_id: "test".to_owned(),
        node_id: 2,
        region: "oslo".to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        identity: Identity::from_pem(&issued.certificate_pem, &issued.key_pem, &authority.certificate_pem()).unwrap(),
        peers: vec![paris],
        limits: Limits { dial_timeout: Duration::from_secs(1), ..Limits::default() },
        wan: None,
        seed: 2,
    };
    let oslo = Links::start(config, sender).unwrap();
    World { authority, oslo, events }
}

fn issue(authority: &Authority, id: u16, region: &str) -> NodeCertificate {
    authority.issue(&NodeName::new(region, id).unwrap()).unwrap()
}

impl World {
    async fn dial(&self, client: Option<NodeCertificate>) -> Result<Connection, quinn::ConnectionError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.certificate_pem().as_bytes()).unwrap()).unwrap();
        let builder =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_root_certificates(roots);
        let mut tls = match client {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let certificate = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        tls.alpn_protocols = vec![b"lightcone/1".to_vec()];
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let mut transport = TransportConfig::default();
        transport.max_concurrent_uni_streams(1_u32.into());
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
        let address = self.oslo.local_addr().unwrap();
        endpoint.connect_with(config, address, "node-2.oslo.lightcone").unwrap().await
    }

    /// Dials as Paris and says `first` before anything else.
    async fn dial_and_say(&self, first: &[u8]) -> (Connection, SendStream) {
        let connection = self.dial(Some(issue(&self.authority, 1, "paris"))).await.unwrap();
        let mut out = connection.open_uni().await.unwrap();
        out.write_all(first).await.unwrap();
        (connection, out)
    }

    async fn linked(&mut self) -> (Connection, SendStream, RecvStream) {
        let (connection, out) = self.dial_and_say(&framed(&hello().encode_to_vec())).await;
        let input = connection.accept_uni().await.unwrap();
        assert!(matches!(self.event().await, LinkEvent::Up { peer: 1, .. }));
        (connection, out, input)
    }

    async fn event(&mut self) -> LinkEvent {
        timeout(Duration::from_secs(10), self.events.recv()).await.unwrap().unwrap()
    }

    async fn down(&mut self) -> String {
        match self.event().await {
            LinkEvent::Down { peer: 1, reason } => reason,
            other => panic!("expected Down, got {other:?}"),
        }
    }
}

async fn closing_words(connection: &Connection) -> String {
    timeout(Duration::from_secs(10), connection.closed()).await.unwrap().to_string()
}

#[tokio::test]
async fn no_certificate_means_no_handshake() {
    let world = world();
    // In TLS 1.3 the dialler may think it is through before the listener has looked at its certificate.
    let reason = match world.dial(None).await {
        Err(error) => error.to_string(),
        Ok(connection) => closing_words(&connection).await,
    };
    assert!(reason.contains("certificate"), "{reason}");
    assert!(!world.oslo.stats()[0].up);
}

#[tokio::test]
async fn another_protocol_version_is_refused_with_both_ranges() {
    let world = world();
    let newer = Hello { version_min: 5, version_max: 9, ..hello() };
    let (connection, _out) = world.dial_and_say(&framed(&newer.encode_to_vec())).await;
    let reason = closing_words(&connection).await;
    assert!(reason.contains("5 to 9") && reason.contains("1 to 3"), "{reason}");
    assert!(world.oslo.refusals().last.unwrap().contains("5 to 9"));
}

#[tokio::test]
async fn a_hello_of_another_node_than_the_certificate_is_refused() {
    let world = world();
    let posing = Hello { node_id: 3, ..hello() };
    let (connection, _out) = world.dial_and_say(&framed(&posing.encode_to_vec())).await;
    let reason = closing_words(&connection).await;
    assert!(reason.contains("certificate is of node 1 in paris"), "{reason}");
}

#[tokio::test]
async fn a_hello_that_is_none_ends_the_connection() {
    let world = world();
    for (first, told) in
        [(framed(&[0xFF; 40]), "unreadable hello"), (u32::MAX.to_le_bytes().to_vec(), "the bound is 4096")]
    {
        let (connection, _out) = world.dial_and_say(&first).await;
        let reason = closing_words(&connection).await;
        assert!(reason.contains(told), "{reason}");
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_let_go() {
    let world = world();
    let clock = RealClock::new();
    let (connection, _out) = world.dial_and_say(&[]).await;
    let reason = closing_words(&connection).await;
    assert!(reason.contains("no answer"), "{reason}");
    assert!(clock.monotonic() < Duration::from_secs(5));
}

#[tokio::test]
async fn garbage_after_a_good_hello_takes_only_that_connection_down() {
    let mut world = world();
    for garbage in [&[0xA5; 3000][..], &0xFD2F_B528_u32.to_le_bytes(), &[0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0xFF, 0xFF]] {
        let (connection, mut out, _input) = world.linked().await;
        out.write_all(garbage).await.unwrap();
        // What is only the beginning of a stream ends with it.
        out.finish().unwrap();
        let reason = world.down().await;
        assert!(reason.contains("not decodable") || reason.contains("ended its stream"), "{reason}");
        closing_words(&connection).await;
    }
    let (_connection, _out, _input) = world.linked().await;
    assert_eq!(world.oslo.stats()[0].connects, 4);
}

#[tokio::test]
async fn a_second_stream_is_never_granted() {
    let mut world = world();
    let (connection, _out, _input) = world.linked().await;
    assert!(timeout(Duration::from_millis(300), connection.open_uni()).await.is_err());
    assert!(timeout(Duration::from_millis(300), connection.open_bi()).await.is_err());
    assert!(world.oslo.stats()[0].up);
}
