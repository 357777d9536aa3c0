//! Session tokens: only what this cluster sealed opens, and it opens as what was sealed.

use lc_core::{ReplicaId, VersionVector};
use lc_db::{SessionKey, Token};

use crate::lots::Lots;

/// Opens the input as a token; then seals a vector made from it, and damages that.
///
/// # Panics
/// If a token opens as something else, or opens although it was damaged.
pub fn run(data: &[u8]) {
    let keys = [SessionKey::new([7; 32]), SessionKey::new([8; 32])];
    if let Ok(vector) = Token::open(data, &keys) {
        let sealed = keys.each_ref().map(|key| Token::seal(&vector, key));
        assert!(sealed.iter().any(|text| text.as_bytes() == data), "one vector has one token for each key");
    }
    let mut lots = Lots::new(data);
    let (at, flip) = (lots.short(), lots.byte());
    let mut vector = VersionVector::new();
    while !lots.is_empty() && vector.len() < REPLICAS_MAX {
        vector.raise(ReplicaId(lots.short()), lots.long());
    }
    let sealed = Token::seal(&vector, &keys[1]);
    assert_eq!(Token::open(sealed.as_bytes(), &keys), Ok(vector));
    let mut damaged = sealed.into_bytes();
    let at = usize::from(at) % damaged.len();
    damaged[at] ^= flip;
    assert!(flip == 0 || Token::open(&damaged, &keys).is_err(), "a damaged token opened: {}", damaged.escape_ascii());
}

const REPLICAS_MAX: usize = 64;
