//! Bytes of each format as they were written once: this release reads them, and still writes them so. `UPDATE=1` writes what is
//! missing, never what is there.

#[path = "../../../tests/golden_file.rs"]
mod golden_file;

use lc_core::wire::Reader;
use lc_core::{ReplicaId, VersionVector};
use lc_db::{Error, Reply, SessionKey, Token};

use golden_file::golden;

#[test]
fn a_session_token() {
    let key = SessionKey::new([7; 32]);
    let seen: VersionVector =
        [(1, 300), (2, 4_194_305), (65, 1 << 34)].map(|(replica, seq)| (ReplicaId(replica), seq)).into_iter().collect();
    let token = golden("session_token_1", Token::seal(&seen, &key).as_bytes());
    let opened = Token::open(&token, std::slice::from_ref(&key)).expect("this release reads version 1");
    assert!(opened.iter().eq(seen.iter()));
}

/// One of each, in the order of their tags.
fn replies() -> Reply {
    let text = |text: &'static str| Reply::bulk(text);
    Reply::Array(vec![
        Reply::Word("OK"),
        Reply::Int(-300),
        text("bytes"),
        Reply::Nil,
        Reply::NilArray,
        Reply::Bool(false),
        Reply::Bool(true),
        Reply::Double(2.5),
        Reply::Array(vec![Reply::Int(1)]),
        Reply::Set(vec![text("member")]),
        Reply::Map(vec![(text("field"), text("value"))]),
        Reply::Pairs(vec![(text("member"), Reply::Double(-1.0))]),
        Reply::Text("a text".into()),
    ])
}

fn errors() -> Reply {
    let errors = vec![
        Error::WrongType,
        Error::Syntax,
        Error::NotInteger,
        Error::NotFloat,
        Error::ExecAbort,
        Error::NoAuth,
        Error::WrongPass,
        Error::NoProto,
        Error::Arity("get".into()),
        Error::NotOffered("because".into()),
        Error::caller("wrong"),
        Error::Unavailable("later".into()),
        Error::Stale("old".into()),
        Error::Behind("behind".into()),
        Error::Conflict("conflict".into()),
        Error::Token("token".into()),
        Error::NotYet("not yet".into()),
        Error::TooLarge { what: "value", bytes: 900, max: 800 },
        Error::NoAck { have: 1, need: 2, ack: "majority".into(), waited_ms: 2000 },
        Error::NoQuorum { have: 1, need: 2, waited_ms: 1000, silent: "oslo".into() },
    ];
    Reply::Array(errors.into_iter().map(Reply::Error).collect())
}

#[test]
fn replies_and_errors() {
    for (name, reply) in [("reply_1", replies()), ("reply_1_errors", errors())] {
        let mut written = Vec::new();
        reply.encode(&mut written);
        let mut reader = Reader::new(golden(name, &written));
        assert_eq!(Reply::decode(&mut reader), Ok(reply), "{name}");
        reader.end(name).expect("nothing is left over");
    }
}
