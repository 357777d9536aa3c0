use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{LINE_BYTES_MAX, Limits, Parser};
use crate::Malformed;

type Requests = Vec<Vec<Vec<u8>>>;

/// Feeds `pieces` as they would arrive: the requests found, and why it ended, if it did.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Requests, Option<Malformed>) {
    let mut parser = Parser::default();
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.parse(&buffer, &Limits::CLIENT) {
                Ok(None) => break,
                Ok(Some(length)) => {
                    found.push(parser.words(&buffer).iter().map(|word| word.to_vec()).collect());
                    buffer.drain(..length);
                }
                Err(malformed) => return (found, Some(malformed)),
            }
        }
    }
    (found, None)
}

fn whole(bytes: &[u8]) -> (Requests, Option<Malformed>) {
    feed([bytes])
}

fn error(bytes: &[u8]) -> String {
    whole(bytes).1.expect("these bytes are malformed").to_string()
}

fn texts(bytes: &[u8]) -> Vec<Vec<String>> {
    let (found, ended) = whole(bytes);
    assert_eq!(ended, None);
    found.iter().map(|words| words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()).collect()
}

#[test]
fn an_array_of_bulk_strings_is_a_request() {
    assert_eq!(texts(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n"), [vec!["GET", "k"], vec!["PING"]]);
    assert_eq!(texts(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n"), [["GET", ""]]);
}

#[test]
fn an_array_of_nothing_is_a_request_without_words() {
    assert_eq!(texts(b"*0\r\n*-1\r\n\r\n"), vec![Vec::<String>::new(); 3]);
}

#[test]
fn a_line_is_split_at_blanks_and_knows_quotes() {
    assert_eq!(texts(b"  set  k \t v\r\n"), [["set", "k", "v"]]);
    assert_eq!(texts(b"set k \"a b\\n\\x41\\\"\"\n"), [["set", "k", "a b\nA\""]]);
    assert_eq!(texts(b"set k 'a \\'b\\n'\n"), [["set", "k", "a 'b\\n"]]);
    assert_eq!(texts(b"set k \"\"\n"), [["set", "k", ""]]);
    assert_eq!(error(b"set k \"a\n"), "unbalanced quotes in request");
    assert_eq!(error(b"set k \"a\"b\n"), "unbalanced quotes in request");
    assert_eq!(error(b"set k \"a\\\n"), "unbalanced quotes in request");
}

#[test]
fn malformed_bytes_are_told_as_redis_tells_them() {
    assert_eq!(error(b"*x\r\n"), "invalid multibulk length");
    assert_eq!(error(b"*\r\n"), "invalid multibulk length");
    assert_eq!(error(b"*1048577\r\n"), "invalid multibulk length");
    assert_eq!(error(b"*99999999999999999999\r\n"), "invalid multibulk length");
    assert_eq!(error(b"*1\r\n:1\r\n"), "expected '$', got ':'");
    assert_eq!(error(b"*1\r\n$-1\r\n"), "invalid bulk length");
    assert_eq!(error(b"*1\r\n$8388609\r\n"), "invalid bulk length");
    assert_eq!(error(b"*1\r\n$3\r\nGETX\r\n"), "bulk string is longer than its length says");
    assert_eq!(error(&vec![b'a'; LINE_BYTES_MAX + 1]), "too big inline request");
}

#[test]
fn a_request_is_bounded_as_a_whole_before_its_bytes_come() {
    let word = [b"$8388608\r\n".as_slice(), &vec![b'v'; 8 * 1024 * 1024], b"\r\n"].concat();
    let mut bytes = b"*100\r\n".to_vec();
    for _ in 0..7 {
        bytes.extend_from_slice(&word);
    }
    assert_eq!(whole(&bytes).1, None);
    bytes.extend_from_slice(b"$8388608\r\n");
    assert_eq!(error(&bytes), "request of more than 67108864 bytes");
}

#[test]
fn a_stranger_has_narrow_limits() {
    let refused = |bytes: &[u8]| {
        Parser::default().parse(bytes, &Limits::STRANGER).expect_err("too much for a stranger").to_string()
    };
    assert_eq!(refused(b"*11\r\n"), "unauthenticated multibulk length");
    assert_eq!(refused(b"*1\r\n$16385\r\n"), "unauthenticated bulk length");
    assert_eq!(refused(b"*1048577\r\n"), "invalid multibulk length");
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let mut parser = Parser::default();
    assert_eq!(parser.parse(b"*1048576\r\n$8388608\r\nabc", &Limits::CLIENT), Ok(None));
    assert!(parser.words.capacity() <= super::WORDS_INLINE);
}

/// Bytes that look enough like requests to get past the first byte.
fn near_requests() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(b"*1\r\n".to_vec()),
        Just(b"*2\r\n".to_vec()),
        Just(b"*0\r\n".to_vec()),
        Just(b"$3\r\nGET\r\n".to_vec()),
        Just(b"$0\r\n\r\n".to_vec()),
        Just(b"$5\r\n".to_vec()),
        Just(b"get \"a\\x41\" 'b'\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        vec(any::<u8>(), 0..12),
    ];
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..300)) {
        whole(&bytes);
    }

    #[test]
    fn bytes_split_anywhere_mean_the_same_as_whole(bytes in near_requests(), cuts in vec(1usize..9, 1..20)) {
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(feed(pieces), whole(&bytes));
    }

    #[test]
    fn what_a_client_encodes_is_what_is_found(requests in vec(vec(vec(any::<u8>(), 0..40), 1..12), 0..6)) {
        let mut bytes = Vec::new();
        for request in &requests {
            bytes.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
            for word in request {
                bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                bytes.extend_from_slice(word);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        prop_assert_eq!(whole(&bytes), (requests, None));
    }
}
