//! A certificate in 32 bytes, for people and tokens to name it by.

use std::fmt;

use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;

use crate::certificate::certificates;
use crate::error::Error;

/// The SHA-256 of a certificate, as other tools show it too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the one certificate in a PEM text.
    ///
    /// # Errors
    /// `Certificate` if there is none, more than one, or it is unreadable.
    pub fn of_certificate(pem: &str) -> Result<Fingerprint, Error> {
        let what = "take a certificate's fingerprint";
        match certificates(what, pem)?.as_slice() {
            [certificate] => Ok(Fingerprint(sha256(certificate))),
            several => Err(Error::Certificate {
                what,
                reason: format!("{} certificates in the PEM text, there must be one", several.len()),
            }),
        }
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// SHA-256, from the cryptography that links use.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("its name says which version it is of");
    let hash = suite.common.hash_provider.hash(bytes);
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, sha256};
    use crate::Authority;

    #[test]
    fn the_hash_is_the_published_one() {
        let hex: String = sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn each_authority_has_a_fingerprint_of_its_own() {
        let authorities = [Authority::generate("test").unwrap(), Authority::generate("test").unwrap()];
        let [one, other] = authorities.map(|authority| authority.certificate_pem());
        let of = |pem: &str| Fingerprint::of_certificate(pem).unwrap();
        assert_eq!(of(&one), of(&format!("a comment\n{one}")));
        assert_ne!(of(&one), of(&other));
        assert_eq!(of(&one).to_string().len(), 64);
        assert!(Fingerprint::of_certificate(&format!("{one}{other}")).unwrap_err().to_string().contains("must be one"));
        assert!(Fingerprint::of_certificate("junk").is_err());
    }
}
