//! TLS 1.3 with certificates on both ends, as QUIC wants it.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::crypto::{CryptoError, HmacKey};
use rustls::client::Resumption;
use rustls::crypto::tls13::{Hkdf, OkmBlock};
use rustls::crypto::{CryptoProvider, SecureRandom};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite};

use crate::certificate::{Identity, NodeName};
use crate::error::Error;

/// Both ends' settings, made once per node.
pub(crate) struct Tls {
    pub(crate) server: Arc<QuicServerConfig>,
    pub(crate) client: Arc<QuicClientConfig>,
    pub(crate) reset_key: Arc<ResetKey>,
    pub(crate) random: &'static dyn SecureRandom,
}

impl Tls {
    /// # Errors
    /// `Certificate` if key and certificate do not belong together, or the authority is unusable.
    pub(crate) fn new(identity: &Identity) -> Result<Tls, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in &identity.authorities {
            roots.add(authority.clone()).map_err(|e| unusable("trust the authority", &e))?;
        }
        let roots = Arc::new(roots);
        Ok(Tls {
            server: Arc::new(server(identity, roots.clone(), provider.clone())?),
            client: Arc::new(client(identity, roots, provider.clone())?),
            reset_key: Arc::new(ResetKey::new(identity, &provider)?),
            random: provider.secure_random,
        })
    }
}

/// Whom the other end of an established connection is, by its verified certificate.
pub(crate) fn peer_name(connection: &quinn::Connection) -> Result<NodeName, Error> {
    let missing =
        || Error::Certificate { what: "read the peer's certificate", reason: "none was presented".to_owned() };
    let chain = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok())
        .ok_or_else(missing)?;
    NodeName::of_certificate(chain.first().ok_or_else(missing)?)
}

fn server(
    identity: &Identity,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<QuicServerConfig, Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|e| unusable("verify peers", &e))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| unusable("offer TLS 1.3", &e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(|e| unusable("use certificate and key together", &e))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection shows its certificate anew; tickets would only cost bytes.
    config.send_tls13_tickets = 0;
    QuicServerConfig::try_from(Arc::new(config)).map_err(|e| unusable("use TLS over QUIC", &e))
}

fn client(
    identity: &Identity,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<QuicClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| unusable("offer TLS 1.3", &e))?
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(|e| unusable("use certificate and key together", &e))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    QuicClientConfig::try_from(Arc::new(config)).map_err(|e| unusable("use TLS over QUIC", &e))
}

/// Signs stateless resets with a key that a restarted node has again.
///
/// A peer that still writes to the old process learns from the reset at once that it is gone,
/// instead of after the idle time-out. Derived from the private key, so nothing more need be kept.
pub(crate) struct ResetKey {
    hkdf: &'static dyn Hkdf,
    key: OkmBlock,
    tag_bytes: usize,
}

impl ResetKey {
    fn new(identity: &Identity, provider: &CryptoProvider) -> Result<ResetKey, Error> {
        let suite = provider.cipher_suites.iter().find_map(SupportedCipherSuite::tls13);
        let hkdf = suite.map(|suite| suite.hkdf_provider).ok_or_else(|| Error::Certificate {
            what: "derive the reset key",
            reason: "no TLS 1.3 cipher suite".to_owned(),
        })?;
        let expander = hkdf.extract_from_secret(None, identity.key.secret_der());
        Ok(ResetKey {
            hkdf,
            key: expander.expand_block(&[b"lightcone stateless reset"]),
            tag_bytes: expander.hash_len(),
        })
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let tag = self.hkdf.hmac_sign(&self.key, data);
        signature_out.copy_from_slice(&tag.as_ref()[..signature_out.len()]);
    }

    fn signature_len(&self) -> usize {
        self.tag_bytes
    }

    // Nothing secret hangs on the time this takes: tokens are compared by QUIC itself.
    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let tag = self.hkdf.hmac_sign(&self.key, data);
        if tag.as_ref() == signature { Ok(()) } else { Err(CryptoError) }
    }
}

fn unusable(what: &'static str, error: &dyn std::fmt::Display) -> Error {
    Error::Certificate { what, reason: error.to_string() }
}

const ALPN: &[u8] = b"lightcone/1";
