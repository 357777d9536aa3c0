//! Random bytes that the catalogue keeps: one name, one hash, one secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hex;

/// What tells this cluster from every other one, whatever they call themselves: 128 random bits, set once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(#[serde(with = "hex")] pub [u8; 16]);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterId({self})")
    }
}

/// What the catalogue knows of an invitation's token: enough to know it again, not to use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(#[serde(with = "hex")] pub [u8; 32]);

impl TokenHash {
    /// The beginning of the hash, 16 hexadecimal digits: tells invitations apart, and says nothing of their tokens.
    pub fn id(&self) -> String {
        hex::text(&self.0[..8])
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", hex::text(&self.0[..4]))
    }
}

/// Bytes that sign: in commands and snapshots, which only nodes of the cluster see, and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(#[serde(with = "hex")] [u8; 32]);

impl Secret {
    /// Keeps `bytes`, which must come from a generator fit for keys.
    pub fn new(bytes: [u8; 32]) -> Secret {
        Secret(bytes)
    }

    /// The bytes, for whoever signs.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{ClusterId, Secret, TokenHash};

    #[test]
    fn a_secret_is_not_shown_and_a_token_hash_hardly() {
        assert_eq!(format!("{:?}", Secret::new([171; 32])), "Secret(hidden)");
        assert_eq!(format!("{:?}", TokenHash([171; 32])), "TokenHash(abababab)");
        assert_eq!(ClusterId([171; 16]).to_string(), "ab".repeat(16));
    }

    #[test]
    fn a_wrong_secret_is_not_repeated_in_the_error() {
        let error = serde_json::from_str::<Secret>("\"topsecret\"").expect_err("no digits").to_string();
        assert!(error.starts_with("expected 64 hexadecimal digits"), "{error}");
    }
}
