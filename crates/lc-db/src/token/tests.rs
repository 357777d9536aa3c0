use lc_core::{ReplicaId, VersionVector};
use proptest::prelude::{any, prop, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::{MAC_BYTES, SessionKey, TEXT_BYTES_MAX, Token, base64url};
use crate::Error;

fn vector(pairs: &[(u16, u64)]) -> VersionVector {
    pairs.iter().map(|&(replica, seq)| (ReplicaId(replica), seq)).collect()
}

fn key(byte: u8) -> SessionKey {
    SessionKey::new([byte; 32])
}

fn refusal(text: &[u8], keys: &[SessionKey]) -> String {
    let Err(Error::Token(text)) = Token::open(text, keys) else { panic!("it must be refused as a token") };
    text
}

/// A token's text with its bytes changed.
fn altered(text: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = base64url::decode(text.as_bytes()).unwrap();
    change(&mut bytes);
    base64url::encode(&bytes)
}

#[test]
fn five_regions_with_2_to_the_34_writes_each_take_32_bytes_and_a_signature() {
    let full = vector(&[(1, 1 << 34), (2, 1 << 34), (3, 1 << 34), (62, 1 << 34), (63 + 64, 1 << 34)]);
    let token = Token::seal(&full, &key(1));
    let bytes = base64url::decode(token.as_bytes()).unwrap();
    assert!(bytes.len() - MAC_BYTES <= 32, "{} bytes", bytes.len() - MAC_BYTES);
    assert_eq!(token.len(), 64);
    assert_eq!(Token::open(token.as_bytes(), &[key(1)]), Ok(full));
}

#[test]
fn the_bytes_stay_as_they_are_drawn() {
    let token = Token::seal(&vector(&[(1, 300), (3, 2)]), &key(1));
    let bytes = base64url::decode(token.as_bytes()).unwrap();
    assert_eq!(bytes[..7], [1, key(1).id(), 1, 0xac, 0x02, 2, 2]);
    assert_eq!(bytes.len(), 7 + 16);
    assert_eq!(token, "AVcBrAICAs9PIeNAQSGq-o0YFjtahjk");
}

#[test]
fn an_older_key_still_opens_its_tokens_as_long_as_it_counts() {
    let token = Token::seal(&vector(&[(1, 5)]), &key(1));
    assert_eq!(Token::open(token.as_bytes(), &[key(2), key(1)]), Ok(vector(&[(1, 5)])));
    assert!(refusal(token.as_bytes(), &[key(2)]).contains("another cluster"));
    assert!(refusal(token.as_bytes(), &[]).contains("another cluster"));
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let token = Token::seal(&vector(&[(1, 5), (2, 7)]), &key(1));
    let keys = [key(1)];
    for text in ["", "x", "hello there", "aGVsbG8", &"A".repeat(TEXT_BYTES_MAX + 1), &token[..20]] {
        assert_eq!(refusal(text.as_bytes(), &keys), "this is not a session token", "{text}");
    }
    assert!(refusal(altered(&token, |bytes| bytes[0] = 2).as_bytes(), &keys).starts_with("it has version 2"));
    assert!(refusal(altered(&token, |bytes| bytes[1] ^= 1).as_bytes(), &keys).contains("another cluster"));
    for at in 2..6 {
        assert!(refusal(altered(&token, |bytes| bytes[at] ^= 1).as_bytes(), &keys).contains("forged or damaged"));
    }
    let shorter = altered(&token, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(refusal(shorter.as_bytes(), &keys).contains("forged or damaged"));
}

#[test]
fn what_was_signed_but_makes_no_sense_is_refused() {
    let sign = |mut bytes: Vec<u8>| {
        use hmac::Mac;
        let mac = key(1).mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        base64url::encode(&bytes)
    };
    let id = key(1).id();
    // No write has the number 0; a replica stands once; a replica has 16 bits; numbers end.
    for bad in [vec![1, 0], vec![1, 1, 0, 1], vec![0xff, 0xff, 3, 1, 1, 1], vec![1], vec![1, 0x80]] {
        let text = sign([vec![1, id], bad].concat());
        assert_eq!(refusal(text.as_bytes(), &[key(1)]), "this is not a session token");
    }
    assert_eq!(Token::open(sign(vec![1, id]).as_bytes(), &[key(1)]), Ok(VersionVector::new()));
}

#[test]
fn nothing_shown_of_a_key_is_its_secret() {
    let shown = format!("{:?}", key(0x2a));
    assert!(!shown.contains("2a2a") && !shown.contains("42, 42"), "{shown}");
    assert_ne!(key(1).id(), key(2).id());
}

proptest! {
    #[test]
    fn every_vector_comes_back(pairs in prop::collection::btree_map(any::<u16>(), 1..u64::MAX, 0..9)) {
        let vector: VersionVector = pairs.into_iter().map(|(replica, seq)| (ReplicaId(replica), seq)).collect();
        let token = Token::seal(&vector, &key(1));
        prop_assert_eq!(Token::open(token.as_bytes(), &[key(1)]), Ok(vector));
    }

    #[test]
    fn a_change_of_any_one_bit_is_refused(
        pairs in prop::collection::btree_map(1..200u16, 1..u64::MAX, 0..6),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let vector: VersionVector = pairs.into_iter().map(|(replica, seq)| (ReplicaId(replica), seq)).collect();
        let token = Token::seal(&vector, &key(1));
        let mut text = token.clone().into_bytes();
        let place = at.index(text.len());
        text[place] ^= 1 << bit;
        prop_assert!(Token::open(&text, &[key(1)]).is_err());
        let flipped = altered(&token, |bytes| {
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
        });
        prop_assert!(Token::open(flipped.as_bytes(), &[key(1)]).is_err());
    }

    #[test]
    fn bytes_from_anybody_are_refused_and_never_stop_the_node(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        prop_assert!(Token::open(&bytes, &[key(1)]).is_err());
        let text = base64url::encode(&[vec![1, key(1).id()], bytes].concat());
        prop_assert!(Token::open(text.as_bytes(), &[key(1)]).is_err());
    }
}
