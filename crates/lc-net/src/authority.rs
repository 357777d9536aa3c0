//! Who says which node is which: the authority that signs every certificate of a cluster.

use std::fmt;
use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};
use webpki::EndEntityCert;

use crate::certificate::{NodeCertificate, NodeName, certificates, write_private};
use crate::error::Error;
use crate::signing_request;

/// A certificate authority: made here, or loaded where its files are. Whoever holds one decides who is a node.
///
/// Its certificates carry no real expiry: a link must not fail because a node's clock is wrong.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority (key hidden)")
    }
}

impl Authority {
    /// Makes a new authority with a new key.
    ///
    /// # Errors
    /// `Certificate` if the key or certificate cannot be made.
    pub fn generate(cluster_name: &str) -> Result<Authority, Error> {
        let mut params = CertificateParams::default();
        let name = format!("Lightcone authority of {cluster_name}");
        params.distinguished_name.push(DnType::CommonName, name);
        // Node certificates are signed by it directly: no authority stands in between.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(|e| not_made("make the authority's key", &e))?;
        let certificate = params.self_signed(&key).map_err(|e| not_made("make the authority", &e))?;
        Ok(Authority { certificate_pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// An authority from its certificate and key, both PEM.
    ///
    /// # Errors
    /// `Certificate` saying which of the two is unreadable, that there is more than one certificate, that it may not
    /// sign others, or that the key belongs to another one.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Authority, Error> {
        let what = "load the authority";
        let failed = |reason: String| Error::Certificate { what, reason };
        let read = certificates(what, certificate_pem)?;
        let [certificate] = read.as_slice() else {
            return Err(failed(format!("{} certificates in the PEM text, there must be one", read.len())));
        };
        // The parser's own words could quote the key, so they are left out.
        let key = KeyPair::from_pem(key_pem).map_err(|_| failed("the key cannot be read".to_owned()))?;
        let parsed = EndEntityCert::try_from(certificate).map_err(|e| failed(e.to_string()))?;
        if parsed.subject_public_key_info().as_ref() != key.subject_public_key_info() {
            return Err(failed("the key belongs to another certificate".to_owned()));
        }
        let issuer = Issuer::from_ca_cert_der(certificate, key).map_err(|e| not_made(what, &e))?;
        let usages = issuer.key_usages();
        if !usages.is_empty() && !usages.contains(&KeyUsagePurpose::KeyCertSign) {
            return Err(failed("the certificate may not sign others (its key usage says so)".to_owned()));
        }
        Ok(Authority { certificate_pem: certificate_pem.to_owned(), issuer })
    }

    /// The authority's certificate, which every node trusts.
    pub fn certificate_pem(&self) -> String {
        self.certificate_pem.clone()
    }

    /// Makes a certificate and a new key for one node, good for both ends of a link.
    ///
    /// # Errors
    /// `Certificate` if the key or certificate cannot be made.
    pub fn issue(&self, name: &NodeName) -> Result<NodeCertificate, Error> {
        let key = KeyPair::generate().map_err(|e| not_made("make the node's key", &e))?;
        Ok(NodeCertificate { certificate_pem: self.certify(name, &key)?, key_pem: key.serialize_pem() })
    }

    /// Signs what a node asks for with its own key, and gives the certificate as PEM. Of the request only the public
    /// key is taken: names, usages and times are set here, whatever the request wishes for.
    ///
    /// # Errors
    /// `Request` if it is none, too long, of another kind of key than [`crate::SigningRequest`] makes, or not signed
    /// with the key that it shows; `Certificate` if signing fails.
    pub fn sign(&self, request_pem: &str, name: &NodeName) -> Result<String, Error> {
        let key = signing_request::public_key(request_pem)?;
        self.certify(name, &key)
    }

    /// Writes both files; the key's can be read by its owner only (mode 0600). Existing files are replaced.
    ///
    /// # Errors
    /// `File` if one cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) -> Result<(), Error> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { what, path, source }
        };
        write_private(key, self.issuer.key().serialize_pem().as_bytes())
            .map_err(failed("write the authority's key", key))?;
        fs::write(certificate, &self.certificate_pem).map_err(failed("write the authority's certificate", certificate))
    }

    fn certify(&self, name: &NodeName, key: &impl PublicKeyData) -> Result<String, Error> {
        let names = vec![name.dns_name(), name.region().to_owned()];
        let mut params = CertificateParams::new(names).map_err(|e| not_made("name the node", &e))?;
        params.distinguished_name.push(DnType::CommonName, name.dns_name());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate =
            params.signed_by(key, &self.issuer).map_err(|e| not_made("sign the node's certificate", &e))?;
        Ok(certificate.pem())
    }
}

fn not_made(what: &'static str, error: &rcgen::Error) -> Error {
    Error::Certificate { what, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    use super::{Authority, Error, NodeName, fs};
    use crate::{Identity, SigningRequest};

    fn files(authority: &Authority) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("ca.pem"), dir.path().join("ca.key"));
        authority.write(&certificate, &key).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        (fs::read_to_string(&certificate).unwrap(), fs::read_to_string(&key).unwrap())
    }

    fn oslo() -> NodeName {
        NodeName::new("oslo", 4).unwrap()
    }

    #[test]
    fn a_loaded_authority_signs_what_the_one_that_was_written_is_trusted_for() {
        let made = Authority::generate("test").unwrap();
        let (certificate, key) = files(&made);
        let loaded = Authority::load(&certificate, &key).unwrap();
        assert_eq!(loaded.certificate_pem(), made.certificate_pem());
        let request = SigningRequest::generate().unwrap();
        let signed = loaded.sign(request.request_pem(), &oslo()).unwrap();
        let identity = Identity::from_pem(&signed, &request.key_pem(), &made.certificate_pem()).unwrap();
        assert_eq!(identity.name(), &oslo());
        identity.check(NOW_MS).unwrap();
    }

    #[test]
    fn names_and_rights_that_a_request_wishes_for_are_not_granted() {
        let authority = Authority::generate("test").unwrap();
        let key = KeyPair::generate().unwrap();
        let mut wish = CertificateParams::new(vec!["node-1.paris.lightcone".to_owned(), "paris".to_owned()]).unwrap();
        wish.distinguished_name.push(DnType::CommonName, "node-1.paris.lightcone");
        wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let request = wish.serialize_request(&key).unwrap().pem().unwrap();
        let signed = authority.sign(&request, &oslo()).unwrap();
        let identity = Identity::from_pem(&signed, &key.serialize_pem(), &authority.certificate_pem()).unwrap();
        assert_eq!(identity.name(), &oslo());
        // Signed by the newly signed one, a certificate leads nowhere: it is no authority.
        let upstart = Authority::load(&signed, &key.serialize_pem());
        assert!(upstart.unwrap_err().to_string().contains("may not sign others"));
    }

    #[test]
    fn a_request_that_is_none_or_not_signed_by_its_key_is_refused() {
        let authority = Authority::generate("test").unwrap();
        let good = SigningRequest::generate().unwrap();
        let pem = good.request_pem();
        let lines: Vec<&str> = pem.lines().collect();
        // The last line but one ends in the signature.
        let (last, signature) = (lines.len() - 2, lines[lines.len() - 2]);
        let swapped = |c: char| if c == 'A' { 'B' } else { 'A' };
        let middle = signature.len() / 2;
        let flipped: String =
            signature.chars().enumerate().map(|(at, c)| if at == middle { swapped(c) } else { c }).collect();
        let forged = [&lines[..last], &[flipped.as_str()], &lines[last + 1..]].concat().join("\n");
        let cut = [&lines[..2], &lines[last + 1..]].concat().join("\n");
        let wide = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let wide = CertificateParams::default().serialize_request(&wide).unwrap().pem().unwrap();
        let long = format!("{pem}{}", " ".repeat(20_000));
        for wrong in ["", "junk", &cut, &forged, &authority.certificate_pem(), &good.key_pem(), &wide, &long] {
            let error = authority.sign(wrong, &oslo()).expect_err("no request of a node");
            assert!(matches!(error, Error::Request { .. }), "{error}");
            assert!(!error.to_string().contains("PRIVATE"), "{error}");
        }
    }

    #[test]
    fn an_authority_without_its_own_key_is_not_loaded() {
        let (ours, theirs) = (Authority::generate("test").unwrap(), Authority::generate("test").unwrap());
        let (certificate, key) = files(&ours);
        let (other, other_key) = files(&theirs);
        let refused = |certificate: &str, key: &str| Authority::load(certificate, key).unwrap_err().to_string();
        assert!(refused(&certificate, &other_key).contains("the key belongs to another certificate"));
        assert!(refused(&certificate, "junk").contains("the key cannot be read"));
        assert!(refused("junk", &key).contains("no CERTIFICATE"));
        assert!(refused(&format!("{certificate}{other}"), &key).contains("2 certificates"));
    }

    /// Some day in 2026.
    const NOW_MS: u64 = 1_780_000_000_000;
}
