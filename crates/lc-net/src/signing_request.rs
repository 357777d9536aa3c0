//! What a node that wants to join shows to the authority: its public key, signed with the private one, which stays.

use std::fmt;

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKey,
    PublicKeyData,
};

use crate::error::Error;

/// A new key, and the request for a certificate of it (PKCS #10). It names nobody: the authority says who this is.
pub struct SigningRequest {
    key: KeyPair,
    request_pem: String,
}

impl fmt::Debug for SigningRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningRequest (key hidden)")
    }
}

impl SigningRequest {
    /// Makes a key (ECDSA on P-256) and a request.
    ///
    /// # Errors
    /// `Certificate` if one cannot be made.
    pub fn generate() -> Result<SigningRequest, Error> {
        let failed = |e: rcgen::Error| Error::Certificate { what: "make a signing request", reason: e.to_string() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request_pem = params.serialize_request(&key).and_then(|request| request.pem()).map_err(failed)?;
        Ok(SigningRequest { key, request_pem })
    }

    /// The request, PEM; no secret.
    pub fn request_pem(&self) -> &str {
        &self.request_pem
    }

    /// The private key, PEM; never log or send it.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// The public key of a request, which is from anyone: its signature is verified and its kind is the one made above.
pub(crate) fn public_key(request_pem: &str) -> Result<PublicKey, Error> {
    let refused = |reason: String| Error::Request { reason };
    if request_pem.len() > REQUEST_BYTES_MAX {
        return Err(refused(format!("{} bytes, the bound is {REQUEST_BYTES_MAX}", request_pem.len())));
    }
    if !request_pem.trim_start().starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        return Err(refused("no CERTIFICATE REQUEST in PEM".to_owned()));
    }
    let request = CertificateSigningRequestParams::from_pem(request_pem).map_err(|e| refused(e.to_string()))?;
    let key = request.public_key;
    // The algorithm is the signature's, the point is the key's own: 4 and two coordinates of 32 bytes on P-256.
    let is_p256_point = key.der_bytes().len() == 65 && key.der_bytes().first() == Some(&4);
    if key.algorithm() != &PKCS_ECDSA_P256_SHA256 || !is_p256_point {
        return Err(refused("its key is of another kind than ECDSA on P-256".to_owned()));
    }
    Ok(key)
}

/// Ours has 400; names and extensions of other tools fit too.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::{SigningRequest, public_key};

    #[test]
    fn a_request_shows_its_public_key_and_nothing_else() {
        let request = SigningRequest::generate().unwrap();
        assert!(public_key(request.request_pem()).is_ok());
        assert!(request.request_pem().len() < 500 && !request.request_pem().contains("PRIVATE"));
        assert!(!format!("{request:?}").contains("PRIVATE"));
        assert_ne!(request.key_pem(), SigningRequest::generate().unwrap().key_pem());
    }
}
