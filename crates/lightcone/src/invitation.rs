//! The one-time token with which a node joins: whom to trust, and the secret that says it was invited.
//!
//! As bytes: version (1), the beginning of the authority's fingerprint (16), the secret (32); as text: those in hex.
//! The fingerprint is there so that the joining node finds out if somebody else answers in the cluster's place.

use std::fmt;

use lc_net::{Fingerprint, sha256};

use crate::Error;

/// An invitation. Whoever has its text can join once: never log it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    authority: [u8; AUTHORITY_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation (secret hidden)")
    }
}

#[allow(
    dead_code,
    reason = "a joining node reads an invitation; a node that admits others makes it and knows its hash"
)]
impl Invitation {
    /// An invitation to the cluster of this authority. The secret is for this invitation alone, from the operating
    /// system's generator.
    pub fn new(authority: &Fingerprint, secret: [u8; SECRET_BYTES]) -> Invitation {
        Invitation { authority: beginning(authority), secret }
    }

    /// The token.
    pub fn text(&self) -> String {
        let bytes = std::iter::once(VERSION).chain(self.authority).chain(self.secret);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a token; its first and last characters may be white space.
    ///
    /// # Errors
    /// `Usage` saying how it differs from a whole token. The token itself is not repeated.
    pub fn parse(text: &str) -> Result<Invitation, Error> {
        let text = text.trim();
        let wrong = |why: String| Error::Usage(format!("--token: {why}; copy what `lightcone region invite` printed"));
        if text.len() != TEXT_CHARS {
            return Err(wrong(format!("{} characters, a token has {TEXT_CHARS}", text.chars().count())));
        }
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let digits = digits.ok_or_else(|| wrong("a token has only 0-9 and a-f".to_owned()))?;
        let mut bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
        match bytes.next() {
            Some(VERSION) => {}
            version => return Err(wrong(format!("version {}, this program reads {VERSION}", version.unwrap_or(0)))),
        }
        let mut invitation = Invitation { authority: [0; AUTHORITY_BYTES], secret: [0; SECRET_BYTES] };
        for (into, byte) in invitation.authority.iter_mut().chain(&mut invitation.secret).zip(bytes) {
            *into = byte;
        }
        Ok(invitation)
    }

    /// What the cluster keeps of it: enough to know the token again, not to use it. The secret is as long as the hash and
    /// all random, so one round is enough.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&b"lightcone invitation 1"[..], &self.authority, &self.secret].concat())
    }

    /// Whether it invites to the cluster of this authority.
    pub fn is_of(&self, authority: &Fingerprint) -> bool {
        self.authority == beginning(authority)
    }

    /// The beginning of the authority's fingerprint, for messages.
    pub fn authority(&self) -> String {
        self.authority.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn beginning(fingerprint: &Fingerprint) -> [u8; AUTHORITY_BYTES] {
    let mut authority = [0; AUTHORITY_BYTES];
    authority.copy_from_slice(&fingerprint.bytes()[..AUTHORITY_BYTES]);
    authority
}

const VERSION: u8 = 1;
/// Nobody can make a second certificate with the same 128 bits of its fingerprint.
const AUTHORITY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const TEXT_CHARS: usize = 2 * (1 + AUTHORITY_BYTES + SECRET_BYTES);

#[cfg(test)]
mod tests {
    use lc_net::{Authority, Fingerprint};

    use super::Invitation;

    const GOLDEN_HASH_1: &str = "8e70d7baafffe52451b1a32f5976c1115d36f0541aaf5ba0bbc9faed03f3f079";

    fn authority() -> Fingerprint {
        let authority = Authority::generate("test").expect("made");
        Fingerprint::of_certificate(&authority.certificate_pem()).expect("a certificate")
    }

    #[test]
    fn a_token_survives_being_copied() {
        let ours = authority();
        let invitation = Invitation::new(&ours, [7; 32]);
        let text = invitation.text();
        assert_eq!(text.len(), 98);
        for copied in [text.clone(), format!(" {text}\n"), text.to_uppercase()] {
            assert!(Invitation::parse(&copied).expect("a whole token") == invitation);
        }
        assert!(invitation.is_of(&ours) && !invitation.is_of(&authority()));
        assert!(ours.to_string().starts_with(&invitation.authority()));
    }

    /// As earlier releases printed it, and as the cluster knows it again.
    #[test]
    fn the_token_of_an_earlier_release_is_read_and_has_its_hash() {
        let text = format!("01{}{}", "ab".repeat(16), "07".repeat(32));
        let invitation = Invitation::parse(&text).expect("this release reads version 1");
        assert_eq!(invitation.text(), text);
        assert_eq!(invitation.authority(), "ab".repeat(16));
        let hash: String = invitation.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, GOLDEN_HASH_1);
    }

    #[test]
    fn each_token_has_a_hash_of_its_own_that_does_not_hold_the_secret() {
        let ours = authority();
        let (one, other) = (Invitation::new(&ours, [7; 32]), Invitation::new(&ours, [8; 32]));
        assert_ne!(one.hash(), other.hash());
        assert_ne!(one.hash(), Invitation::new(&authority(), [7; 32]).hash());
        assert_eq!(one.hash(), Invitation::parse(&one.text()).expect("whole").hash());
        assert!(!one.hash().windows(4).any(|bytes| bytes == [7; 4]));
        assert!(!format!("{one:?}").contains("0707"));
    }

    #[test]
    fn a_token_that_was_not_copied_whole_says_so_without_being_repeated() {
        let text = Invitation::new(&authority(), [7; 32]).text();
        for (wrong, said) in [
            (String::new(), "0 characters, a token has 98"),
            (text[1..].to_owned(), "97 characters, a token has 98"),
            (format!("{}g", &text[1..]), "a token has only 0-9 and a-f"),
            (format!("02{}", &text[2..]), "version 2, this program reads 1"),
            ("é".repeat(49), "only 0-9 and a-f"),
        ] {
            let error = Invitation::parse(&wrong).expect_err(&wrong).to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("070707"), "{error}");
        }
    }
}
