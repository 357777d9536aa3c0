use bytes::Bytes;
use lc_core::Fault;
use lc_core::wire::{Malformed, Reader};
use lc_crdt::RowError;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::{REPLY_DEPTH_MAX, WORDS};
use crate::{Error, Reply};

fn bytes_of(reply: &Reply) -> Bytes {
    let mut out = Vec::new();
    reply.encode(&mut out);
    out.into()
}

fn errors() -> impl Strategy<Value = Error> {
    let fixed = prop::sample::select(vec![
        Error::WrongType,
        Error::Syntax,
        Error::NotInteger,
        Error::NotFloat,
        Error::ExecAbort,
        Error::NoAuth,
        Error::WrongPass,
        Error::NoProto,
        Error::TooLarge { what: "value", bytes: 9, max: 8 },
        Error::ReplyTooLarge { unit: "elements", max: 8 },
        Error::ReplyTooLarge { unit: "bytes", max: 8 },
    ]);
    let with_text = (0..9u8, ".{0,20}").prop_map(|(variant, text)| match variant {
        0 => Error::Arity(text.into()),
        1 => Error::NotOffered(text),
        2 => Error::caller(text),
        3 => Error::Unavailable(text),
        4 => Error::Stale(text),
        5 => Error::Behind(text),
        6 => Error::Conflict(text),
        7 => Error::Token(text),
        _ => Error::NotYet(text),
    });
    let counted =
        (any::<bool>(), 0..9u16, 0..9u16, any::<u32>(), ".{0,20}").prop_map(|(ack, have, need, waited_ms, text)| {
            match ack {
                true => Error::NoAck { have, need, ack: text.into(), waited_ms },
                false => Error::NoQuorum { have, need, waited_ms, silent: text.into() },
            }
        });
    prop_oneof![fixed, with_text, counted]
}

fn replies() -> impl Strategy<Value = Reply> {
    let plain = prop_oneof![
        prop::sample::select(WORDS).prop_map(Reply::Word),
        any::<i64>().prop_map(Reply::Int),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Reply::bulk),
        Just(Reply::Nil),
        Just(Reply::NilArray),
        any::<bool>().prop_map(Reply::Bool),
        prop::num::f64::NORMAL.prop_map(Reply::Double),
        ".{0,20}".prop_map(Reply::Text),
        errors().prop_map(Reply::Error),
    ];
    plain.prop_recursive(REPLY_DEPTH_MAX as u32 - 1, 64, 6, |inner| {
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Reply::Array),
            prop::collection::vec(inner, 0..6).prop_map(Reply::Set),
            pairs.clone().prop_map(Reply::Map),
            pairs.prop_map(Reply::Pairs),
        ]
    })
}

proptest! {
    #[test]
    fn every_reply_comes_back_as_it_went(reply in replies()) {
        let mut reader = Reader::new(bytes_of(&reply));
        prop_assert_eq!(Reply::decode(&mut reader).unwrap(), reply);
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn bytes_cut_short_are_refused(reply in replies(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(&reply);
        let cut = cut.index(bytes.len());
        prop_assert!(Reply::decode(&mut Reader::new(bytes.slice(..cut))).is_err());
    }

    #[test]
    fn bytes_that_mean_nothing_are_refused_or_read_but_never_stop_the_node(
        bytes in prop::collection::vec(prop_oneof![0..21u8, any::<u8>()], 0..64),
    ) {
        let _ = Reply::decode(&mut Reader::new(bytes.into()));
    }
}

fn nested(depth: usize) -> Reply {
    (1..depth).fold(Reply::Nil, |inner, _| Reply::Array(vec![inner]))
}

#[test]
fn lists_in_lists_are_read_down_to_the_bound_and_not_below() {
    let read = |depth| Reply::decode(&mut Reader::new(bytes_of(&nested(depth))));
    assert_eq!(read(REPLY_DEPTH_MAX), Ok(nested(REPLY_DEPTH_MAX)));
    assert_eq!(read(REPLY_DEPTH_MAX + 1), Err(Malformed::OutOfBounds("depth of a reply")));
    assert_eq!(read(1_000), Err(Malformed::OutOfBounds("depth of a reply")));
}

#[test]
fn a_count_beyond_the_bytes_is_refused_before_anything_is_allocated() {
    let bytes: &[u8] = &[super::TAG_ARRAY, 0xff, 0xff, 0xff, 0xff, 0x7f, super::TAG_NIL];
    assert_eq!(Reply::decode(&mut Reader::new(bytes.into())), Err(Malformed::OutOfBounds("list length")));
}

#[test]
fn a_word_of_a_newer_node_reads_the_same_as_bytes() {
    let read = Reply::decode(&mut Reader::new(bytes_of(&Reply::Word("HURRAY"))));
    assert_eq!(read, Ok(Reply::bulk("HURRAY")));
}

#[test]
fn broken_rows_elsewhere_are_no_reason_to_stop_here() {
    let broken = Error::Rows(RowError("bytes end inside value".to_owned()));
    let Ok(Reply::Error(read)) = Reply::decode(&mut Reader::new(bytes_of(&Reply::Error(broken.clone())))) else {
        panic!("an error stays an error");
    };
    assert_eq!(read, Error::Unavailable(broken.to_string()));
    assert_eq!((broken.fault(), read.fault()), (Fault::Stop, Fault::Unavailable));
}
