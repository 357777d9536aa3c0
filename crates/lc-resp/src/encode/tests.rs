use lc_db::{Error, Reply};

use super::{Protocol, encode};

fn both(reply: &Reply) -> (String, String) {
    let text = |protocol| {
        let mut out = Vec::new();
        encode(reply, protocol, &mut out);
        out.escape_ascii().to_string()
    };
    (text(Protocol::Resp2), text(Protocol::Resp3))
}

#[track_caller]
fn golden(reply: &Reply, resp2: &str, resp3: &str) {
    assert_eq!(both(reply), (resp2.to_owned(), resp3.to_owned()));
}

#[track_caller]
fn same(reply: &Reply, both: &str) {
    golden(reply, both, both);
}

#[test]
fn plain_replies_are_the_same_in_both_protocols() {
    same(&Reply::OK, r"+OK\r\n");
    same(&Reply::Int(0), r":0\r\n");
    same(&Reply::Int(i64::MAX), r":9223372036854775807\r\n");
    same(&Reply::Int(i64::MIN), r":-9223372036854775808\r\n");
    same(&Reply::bulk(""), r"$0\r\n\r\n");
    same(&Reply::bulk(b"a\r\n\x00b"), r"$5\r\na\r\n\x00b\r\n");
    same(&Reply::Array(vec![]), r"*0\r\n");
    same(&Reply::Array(vec![Reply::Int(10), Reply::bulk("x")]), r"*2\r\n:10\r\n$1\r\nx\r\n");
}

#[test]
fn resp3_has_kinds_of_its_own() {
    golden(&Reply::Nil, r"$-1\r\n", r"_\r\n");
    golden(&Reply::NilArray, r"*-1\r\n", r"_\r\n");
    golden(&Reply::Bool(true), r":1\r\n", r"#t\r\n");
    golden(&Reply::Bool(false), r":0\r\n", r"#f\r\n");
    golden(&Reply::Double(1.5), r"$3\r\n1.5\r\n", r",1.5\r\n");
    golden(&Reply::Double(f64::NEG_INFINITY), r"$4\r\n-inf\r\n", r",-inf\r\n");
    golden(&Reply::Set(vec![Reply::bulk("m")]), r"*1\r\n$1\r\nm\r\n", r"~1\r\n$1\r\nm\r\n");
    golden(&Reply::Map(vec![(Reply::bulk("f"), Reply::Nil)]), r"*2\r\n$1\r\nf\r\n$-1\r\n", r"%1\r\n$1\r\nf\r\n_\r\n");
    golden(
        &Reply::Pairs(vec![(Reply::bulk("m"), Reply::Double(1.0))]),
        r"*2\r\n$1\r\nm\r\n$1\r\n1\r\n",
        r"*1\r\n*2\r\n$1\r\nm\r\n,1\r\n",
    );
    golden(&Reply::Text("hi".to_owned()), r"$2\r\nhi\r\n", r"=6\r\ntxt:hi\r\n");
}

#[test]
fn an_error_is_one_line_whatever_its_text_holds() {
    same(&Reply::Error(Error::WrongType), r"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    same(&Reply::Error(Error::caller("a\r\n+OK")), r"-ERR a  +OK\r\n");
    same(&Reply::Error(Error::Unavailable("disk full".to_owned())), r"-UNAVAILABLE disk full\r\n");
}

#[test]
fn replies_nest() {
    let inner = Reply::Array(vec![Reply::Nil, Reply::Error(Error::Syntax)]);
    golden(
        &Reply::Array(vec![inner]),
        r"*1\r\n*2\r\n$-1\r\n-ERR syntax error\r\n",
        r"*1\r\n*2\r\n_\r\n-ERR syntax error\r\n",
    );
}
