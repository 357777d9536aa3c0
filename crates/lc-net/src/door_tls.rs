//! TLS for the doors: what clients speak to a node over, when it listens beyond loopback.
//!
//! TLS 1.3 only, as on links. Here and nowhere else, so that no door names the TLS library.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::error::Error;

/// A door's stream, as seen by the node.
pub type DoorStream = tokio_rustls::server::TlsStream<TcpStream>;
/// A door's stream, as seen by an operator's command.
pub type VisitorStream = tokio_rustls::client::TlsStream<TcpStream>;

/// The node's end of TLS at a door. Cheap to clone.
#[derive(Clone)]
pub struct DoorTls {
    acceptor: TlsAcceptor,
}

impl DoorTls {
    /// Reads the certificate (with any in between) and its key, PEM. With `client_authority`, only clients that show a
    /// certificate of that authority come in.
    ///
    /// # Errors
    /// `File` or `Certificate`, saying which file and what is wrong with it.
    pub fn load(certificate: &Path, key: &Path, client_authority: Option<&Path>) -> Result<DoorTls, Error> {
        let chain = certificates(certificate)?;
        let key = private_key(key)?;
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| unusable("offer TLS 1.3", &e))?;
        let builder = match client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), provider)
                    .build()
                    .map_err(|e| unusable("verify clients", &e))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config =
            builder.with_single_cert(chain, key).map_err(|e| unusable("use certificate and key together", &e))?;
        Ok(DoorTls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Shakes hands with a client. Dropping the future closes the connection; bound its time, a client may say nothing.
    ///
    /// # Errors
    /// Whatever ended the handshake.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<DoorStream> {
        self.acceptor.accept(stream).await
    }
}

/// The operator's end of TLS: trusts what one authority signed.
#[derive(Clone)]
pub struct VisitorTls {
    connector: TlsConnector,
}

impl VisitorTls {
    /// Trusts `authority`, PEM.
    ///
    /// # Errors
    /// `File` or `Certificate`, saying what is wrong with it.
    pub fn load(authority: &Path) -> Result<VisitorTls, Error> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| unusable("speak TLS 1.3", &e))?
            .with_root_certificates(roots(authority)?)
            .with_no_client_auth();
        Ok(VisitorTls { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Shakes hands with the node, whose certificate must be for `host`.
    ///
    /// # Errors
    /// Whatever ended the handshake, a certificate for another host included.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<VisitorStream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.connector.connect(name, stream).await
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(authority: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate).map_err(|e| unusable("trust the authority", &e))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read("read certificate", path)?;
    let failed = |reason: String| Error::Certificate {
        what: "read certificate",
        reason: format!("{}: {reason}", path.display()),
    };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err(failed("no CERTIFICATE in the PEM text".to_owned())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = read("read key", path)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|error| Error::Certificate { what: "read key", reason: format!("{}: {error}", path.display()) })
}

fn read(what: &'static str, path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { what, path: path.to_owned(), source })
}

fn unusable(what: &'static str, error: &dyn std::fmt::Display) -> Error {
    Error::Certificate { what, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{DoorStream, DoorTls, TcpStream, VisitorStream, VisitorTls, fs, io};
    use crate::{Authority, NodeName};

    fn files() -> (tempfile::TempDir, [std::path::PathBuf; 3]) {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["ca.pem", "door.pem", "door.key"].map(|name| dir.path().join(name));
        let authority = Authority::generate("test").unwrap();
        fs::write(&paths[0], authority.certificate_pem()).unwrap();
        let name = NodeName::new("oslo", 1).unwrap();
        authority.issue(&name).unwrap().write(&paths[1], &paths[2]).unwrap();
        (dir, paths)
    }

    async fn shake(
        door: DoorTls,
        visitor: VisitorTls,
        host: &str,
    ) -> (io::Result<DoorStream>, io::Result<VisitorStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = async { door.accept(listener.accept().await.unwrap().0).await };
        let connecting = async { visitor.connect(host, TcpStream::connect(address).await.unwrap()).await };
        tokio::join!(accepting, connecting)
    }

    #[tokio::test]
    async fn a_visitor_who_trusts_the_authority_gets_in() {
        let (_dir, [authority, certificate, key]) = files();
        let door = DoorTls::load(&certificate, &key, None).unwrap();
        let (inside, outside) = shake(door, VisitorTls::load(&authority).unwrap(), "oslo").await;
        let (mut inside, mut outside) = (inside.unwrap(), outside.unwrap());
        outside.write_all(b"PING").await.unwrap();
        let mut read = [0; 4];
        inside.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"PING");
    }

    #[tokio::test]
    async fn a_door_of_another_name_or_authority_is_not_trusted() {
        let (_dir, [authority, certificate, key]) = files();
        let (_other_dir, [other, ..]) = files();
        let door = DoorTls::load(&certificate, &key, None).unwrap();
        assert!(shake(door.clone(), VisitorTls::load(&authority).unwrap(), "tokyo").await.1.is_err());
        assert!(shake(door, VisitorTls::load(&other).unwrap(), "oslo").await.1.is_err());
    }

    #[tokio::test]
    async fn a_visitor_without_a_certificate_is_refused_where_one_is_asked_for() {
        let (_dir, [authority, certificate, key]) = files();
        let door = DoorTls::load(&certificate, &key, Some(&authority)).unwrap();
        assert!(shake(door, VisitorTls::load(&authority).unwrap(), "oslo").await.0.is_err());
    }
}
