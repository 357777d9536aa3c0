//! Requests of both protocols: the same bytes give the same requests however they are cut, and a request that was read
//! can be written and read again.

use lc_resp::{Limits, Malformed, Parser};

use crate::lots::Lots;

type Requests = Vec<Vec<Vec<u8>>>;

/// The first byte says who speaks, some say where to cut, the rest arrives.
///
/// # Panics
/// If two ways to cut the same bytes give different requests, or a request does not survive being written.
pub fn run(data: &[u8]) {
    let mut lots = Lots::new(data);
    let limits = if lots.byte() & 1 == 0 { Limits::CLIENT } else { Limits::STRANGER };
    let cuts: [u8; CUTS] = std::array::from_fn(|_| lots.byte());
    let stream = lots.rest();
    let (whole, ended) = feed(std::iter::once(stream), &limits);
    let (in_pieces, ended_in_pieces) = feed(pieces(stream, &cuts), &limits);
    assert_eq!(whole, in_pieces, "what is found does not depend on how bytes arrive");
    // A piece may end in the middle of a line that is already too long, which is then said earlier; nothing else differs.
    assert_eq!(ended, ended_in_pieces, "an error does not depend on how bytes arrive");
    for words in whole.iter().filter(|words| !words.is_empty()) {
        let (again, error) = feed(std::iter::once(written(words).as_slice()), &Limits::CLIENT);
        assert!(error.is_none() && again == [words.clone()], "a request survives being written: {error:?}");
    }
}

fn pieces<'a>(mut stream: &'a [u8], cuts: &'a [u8; CUTS]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        let length = (usize::from(*cuts.next()?) + 1).min(stream.len());
        let (piece, left) = stream.split_at(length);
        stream = left;
        Some(piece)
    })
}

/// As a connection does it: bytes gather in a buffer, and requests are taken from its front.
fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> (Requests, Option<Malformed>) {
    let mut parser = Parser::default();
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.parse(&buffer, limits) {
                Ok(None) => break,
                Ok(Some(length)) => {
                    assert!(length > 0 && length <= buffer.len(), "a request takes bytes that are there");
                    found.push(parser.words(&buffer).iter().map(|word| word.to_vec()).collect());
                    buffer.drain(..length);
                }
                Err(malformed) => return (found, Some(malformed)),
            }
        }
    }
    (found, None)
}

/// A request as clients write it.
pub fn written(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// How many bytes say where to cut.
pub const CUTS: usize = 4;
