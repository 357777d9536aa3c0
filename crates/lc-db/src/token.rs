//! Session tokens: what a session has seen, as text that only this cluster can have written.
//!
//! A token names, for each replica, the latest write that the session may have seen. It is no secret and no permission:
//! the signature keeps a client from asking every region to wait for writes that never were. docs/formats/session-token.md
//! draws the bytes.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use lc_core::wire::{Malformed, Reader, put_varint};
use lc_core::{ReplicaId, VersionVector, limits};
use sha2::Sha256;

use crate::Error;

mod base64url;

/// What signs the session tokens of a cluster; every node has it, no client does.
#[derive(Clone)]
pub struct SessionKey {
    id: u8,
    secret: [u8; SECRET_BYTES],
}

impl SessionKey {
    /// The key of this secret, which is drawn at random once for the whole cluster.
    pub fn new(secret: [u8; SECRET_BYTES]) -> SessionKey {
        let id = mac_of(&secret, FINGERPRINT_LABEL).finalize().into_bytes()[0];
        SessionKey { id, secret }
    }

    /// One byte that tells keys apart nearly always, and nothing about the secret that would help anybody.
    pub fn id(&self) -> u8 {
        self.id
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        mac_of(&self.secret, signed)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({:02x})", self.id)
    }
}

/// The text form of a version vector, signed.
pub struct Token;

impl Token {
    /// A token for everything in `vector`.
    pub fn seal(vector: &VersionVector, key: &SessionKey) -> String {
        let mut bytes = vec![VERSION, key.id];
        let mut before = 0;
        for (replica, seq) in vector.iter() {
            put_varint(&mut bytes, u64::from(replica.0 - before));
            put_varint(&mut bytes, seq);
            before = replica.0;
        }
        let mac = key.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        base64url::encode(&bytes)
    }

    /// What a token stands for. `keys` are those that may have signed it: the one in use, and those it replaced that
    /// still count.
    ///
    /// # Errors
    /// [`Error::Token`], which says whether the text is no token at all, one of a newer version, one of another cluster
    /// (or of a key that no longer counts), or one that was damaged or forged.
    pub fn open(text: &[u8], keys: &[SessionKey]) -> Result<VersionVector, Error> {
        open(text, keys).map_err(|refusal| Error::Token(refusal.to_string()))
    }
}

/// Bytes of a key's secret.
pub const SECRET_BYTES: usize = 32;

/// Why a token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum Refusal {
    #[error("this is not a session token")]
    NotAToken,
    #[error("it has version {0}, and this node reads version {VERSION}: upgrade the node, or begin a new session")]
    Newer(u8),
    #[error("it belongs to another cluster, or its key has expired: begin a new session")]
    Foreign,
    #[error("it is forged or damaged: its signature does not match")]
    Forged,
}

fn open(text: &[u8], keys: &[SessionKey]) -> Result<VersionVector, Refusal> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::NotAToken);
    }
    let bytes = base64url::decode(text).ok_or(Refusal::NotAToken)?;
    let signed = bytes.len().checked_sub(MAC_BYTES).ok_or(Refusal::NotAToken)?;
    let (signed, mac) = bytes.split_at(signed);
    let [version, id, vector @ ..] = signed else { return Err(Refusal::NotAToken) };
    match *version {
        0 => return Err(Refusal::NotAToken),
        VERSION => {}
        newer => return Err(Refusal::Newer(newer)),
    }
    let mut candidates = keys.iter().filter(|key| key.id == *id).peekable();
    if candidates.peek().is_none() {
        return Err(Refusal::Foreign);
    }
    // Compares in constant time: how much of a guess was right must not show in how long the refusal takes.
    if !candidates.any(|key| key.mac(signed).verify_truncated_left(mac).is_ok()) {
        return Err(Refusal::Forged);
    }
    // Signed, so one of us wrote it; bytes that do not decode are refused all the same.
    decode_vector(vector).map_err(|_| Refusal::NotAToken)
}

fn decode_vector(bytes: &[u8]) -> Result<VersionVector, Malformed> {
    let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
    let mut vector = VersionVector::new();
    let mut replica = 0u64;
    while reader.remaining() > 0 {
        let step = reader.bounded(u64::from(u16::MAX), "replica")?;
        replica += step;
        let seq = reader.varint("sequence")?;
        let first = vector.is_empty();
        if replica > u64::from(u16::MAX) || seq == 0 || (step == 0 && !first) || vector.len() == limits::REPLICAS_MAX {
            return Err(Malformed::OutOfBounds("vector"));
        }
        vector.raise(ReplicaId(replica as u16), seq);
    }
    Ok(vector)
}

fn mac_of(secret: &[u8; SECRET_BYTES], signed: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(signed);
    mac
}

const VERSION: u8 = 1;
/// Half of SHA-256: 2^64 guesses would be needed for an even chance at one token.
const MAC_BYTES: usize = 16;
/// No token begins with these bytes, so that a fingerprint never equals a signature of something else.
const FINGERPRINT_LABEL: &[u8] = b"\0lightcone session key";
/// A vector of as many replicas as one may name, each with the largest numbers: 3 + 10 bytes. Five regions take 64.
const TEXT_BYTES_MAX: usize = (2 + limits::REPLICAS_MAX * 13 + MAC_BYTES).div_ceil(3) * 4;

#[cfg(test)]
mod tests;
