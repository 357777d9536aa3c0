//! Who a node is, as its certificate says. Who signs them is authority.rs.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::error::Error;
use crate::tls::Tls;

/// A node's name in certificates: `node-1.us-east.lightcone`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeName {
    region: String,
    node_id: u16,
}

impl NodeName {
    /// The name of node `node_id` in `region`.
    ///
    /// # Errors
    /// `RegionName` if the region is no single DNS label of at most 40 characters.
    pub fn new(region: &str, node_id: u16) -> Result<NodeName, Error> {
        if !is_label(region) {
            return Err(Error::RegionName { region: region.to_owned() });
        }
        Ok(NodeName { region: region.to_owned(), node_id })
    }

    /// The region's name.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The node's id.
    pub fn node_id(&self) -> u16 {
        self.node_id
    }

    /// The DNS name that stands in the certificate.
    pub fn dns_name(&self) -> String {
        format!("node-{}.{}.{ROOT}", self.node_id, self.region)
    }

    /// Reads a DNS name; anything that is no node's name is `None`.
    pub fn from_dns_name(name: &str) -> Option<NodeName> {
        let mut labels = name.split('.');
        let node = labels.next()?.strip_prefix("node-")?;
        let region = labels.next()?;
        if labels.next()? != ROOT || labels.next().is_some() {
            return None;
        }
        let name = NodeName::new(region, node.parse().ok()?).ok()?;
        // "node-+1" and "node-01" parse too; only one spelling of a name is right.
        (name.node_id.to_string() == node).then_some(name)
    }

    /// The one node that a certificate names. Whether to trust it is the TLS handshake's matter.
    pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> Result<NodeName, Error> {
        let broken = |reason: String| Error::Certificate { what: "read the node's name", reason };
        let parsed = EndEntityCert::try_from(certificate).map_err(|e| broken(e.to_string()))?;
        let mut names = parsed.valid_dns_names().filter_map(NodeName::from_dns_name);
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => Err(broken(format!("it has no name like node-1.REGION.{ROOT}"))),
            (Some(one), Some(other)) => Err(broken(format!("it names two nodes, {one} and {other}"))),
        }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} in {}", self.node_id, self.region)
    }
}

/// A node's certificate and private key, as PEM text.
#[derive(Clone)]
pub struct NodeCertificate {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key; never log it.
    pub key_pem: String,
}

impl fmt::Debug for NodeCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeCertificate (key hidden)")
    }
}

impl NodeCertificate {
    /// Writes both files; the key's can be read by its owner only (mode 0600). Existing files are replaced.
    ///
    /// # Errors
    /// `File` if one cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) -> Result<(), Error> {
        fs::write(certificate, &self.certificate_pem).map_err(|source| Error::File {
            what: "write certificate",
            path: certificate.to_owned(),
            source,
        })?;
        write_private(key, self.key_pem.as_bytes()).map_err(|source| Error::File {
            what: "write key",
            path: key.to_owned(),
            source,
        })
    }
}

/// What a node shows and whom it trusts, read and ready for TLS.
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    name: NodeName,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity of {} (key hidden)", self.name)
    }
}

impl Identity {
    /// Reads PEM texts: the node's certificate (with any in between), its key, and the authorities it trusts.
    ///
    /// # Errors
    /// `Certificate` saying which of the three is unreadable, or that the certificate names no node.
    pub fn from_pem(certificate: &str, key: &str, authority: &str) -> Result<Identity, Error> {
        let chain = certificates("read the node's certificate", certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|e| Error::Certificate { what: "read the node's key", reason: e.to_string() })?;
        let authorities = certificates("read the authority's certificate", authority)?;
        let name = NodeName::of_certificate(&chain[0])?;
        Ok(Identity { chain, key, authorities, name })
    }

    /// Reads the same three from files.
    ///
    /// # Errors
    /// `File` if one cannot be read, else as [`Identity::from_pem`].
    pub fn load(certificate: &Path, key: &Path, authority: &Path) -> Result<Identity, Error> {
        let read = |what, path: &Path| {
            fs::read_to_string(path).map_err(|source| Error::File { what, path: path.to_owned(), source })
        };
        Identity::from_pem(
            &read("read certificate", certificate)?,
            &read("read key", key)?,
            &read("read authority", authority)?,
        )
    }

    /// The node that the certificate names.
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// Whether the three belong together: the key to the certificate, and the certificate to one of the authorities at
    /// this time (milliseconds since 1970), good for both ends of a link. A link would find out too, but only later.
    ///
    /// # Errors
    /// `Certificate` saying what does not fit.
    pub fn check(&self, now_ms: u64) -> Result<(), Error> {
        Tls::new(self)?;
        let unfit = |what| move |e: webpki::Error| Error::Certificate { what, reason: e.to_string() };
        let certificate = EndEntityCert::try_from(&self.chain[0]).map_err(unfit("read the node's certificate"))?;
        let anchors: Result<Vec<_>, _> = self.authorities.iter().map(anchor_from_trusted_cert).collect();
        let anchors = anchors.map_err(unfit("read the authority's certificate"))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
        for usage in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
            certificate
                .verify_for_usage(
                    provider.signature_verification_algorithms.all,
                    &anchors,
                    &self.chain[1..],
                    now,
                    usage,
                    None,
                    None,
                )
                .map_err(unfit("trace the node's certificate to the authority"))?;
        }
        Ok(())
    }
}

pub(crate) fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let failed = |reason: String| Error::Certificate { what, reason };
    let read = read.map_err(|e| failed(e.to_string()))?;
    if read.is_empty() {
        return Err(failed("no CERTIFICATE in the PEM text".to_owned()));
    }
    Ok(read)
}

pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Removed first: opening an existing file would keep its old mode.
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

const ROOT: &str = "lightcone";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Error, Identity, NodeName, fs};
    use crate::Authority;

    #[test]
    fn a_node_name_survives_its_certificate() {
        let authority = Authority::generate("test").unwrap();
        let name = NodeName::new("us-east", 7).unwrap();
        let issued = authority.issue(&name).unwrap();
        let identity =
            Identity::from_pem(&issued.certificate_pem, &issued.key_pem, &authority.certificate_pem()).unwrap();
        assert_eq!(identity.name(), &name);
    }

    #[test]
    fn only_one_spelling_of_a_node_name_is_read() {
        assert_eq!(NodeName::from_dns_name("node-3.oslo.lightcone"), Some(NodeName::new("oslo", 3).unwrap()));
        let wrong = [
            "node-03.oslo.lightcone",
            "node-+3.oslo.lightcone",
            "node-70000.oslo.lightcone",
            "node-3.oslo.lightcone.example",
            "node-3.lightcone",
            "node-3.Oslo.lightcone",
            "oslo",
            "",
        ];
        for name in wrong {
            assert_eq!(NodeName::from_dns_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_region_that_cannot_stand_in_a_certificate_is_refused() {
        for region in ["", "-a", "a-", "Oslo", "a.b", "a b", &"x".repeat(41)] {
            assert!(matches!(NodeName::new(region, 1), Err(Error::RegionName { .. })), "{region}");
        }
    }

    #[test]
    fn the_key_file_is_for_its_owner_alone_even_if_it_existed() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("node.pem"), dir.path().join("node.key"));
        fs::write(&key, "old").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let authority = Authority::generate("test").unwrap();
        let issued = authority.issue(&NodeName::new("oslo", 1).unwrap()).unwrap();
        issued.write(&certificate, &key).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let ca = dir.path().join("ca.pem");
        fs::write(&ca, authority.certificate_pem()).unwrap();
        assert_eq!(Identity::load(&certificate, &key, &ca).unwrap().name().node_id(), 1);
    }

    #[test]
    fn unreadable_texts_say_which_one() {
        let authority = Authority::generate("test").unwrap();
        let issued = authority.issue(&NodeName::new("oslo", 1).unwrap()).unwrap();
        let ca = authority.certificate_pem();
        let error = Identity::from_pem("junk", &issued.key_pem, &ca).unwrap_err().to_string();
        assert!(error.contains("read the node's certificate"), "{error}");
        let error = Identity::from_pem(&issued.certificate_pem, "junk", &ca).unwrap_err().to_string();
        assert!(error.contains("read the node's key"), "{error}");
        let error = Identity::from_pem(&ca, &issued.key_pem, &ca).unwrap_err().to_string();
        assert!(error.contains("no name like"), "{error}");
    }

    #[test]
    fn a_key_or_an_authority_that_does_not_belong_to_the_certificate_is_found_out() {
        let (ours, theirs) = (Authority::generate("test").unwrap(), Authority::generate("test").unwrap());
        let name = NodeName::new("oslo", 1).unwrap();
        let (one, other) = (ours.issue(&name).unwrap(), ours.issue(&name).unwrap());
        let check = |key: &str, authority: &Authority| {
            Identity::from_pem(&one.certificate_pem, key, &authority.certificate_pem()).unwrap().check(NOW_MS)
        };
        check(&one.key_pem, &ours).unwrap();
        let error = check(&other.key_pem, &ours).unwrap_err().to_string();
        assert!(error.contains("use certificate and key together"), "{error}");
        let error = check(&one.key_pem, &theirs).unwrap_err().to_string();
        assert!(error.contains("trace the node's certificate to the authority"), "{error}");
    }

    #[test]
    fn debug_output_never_shows_a_key() {
        let authority = Authority::generate("test").unwrap();
        let issued = authority.issue(&NodeName::new("oslo", 1).unwrap()).unwrap();
        assert!(!format!("{issued:?} {authority:?}").contains("PRIVATE"));
    }

    /// Some day in 2026.
    const NOW_MS: u64 = 1_780_000_000_000;
}
