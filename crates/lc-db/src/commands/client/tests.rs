use crate::Session;
use crate::testing::{Replica, show};

#[test]
fn a_connection_has_a_number_and_a_name() {
    let mut paris = Replica::new(1);
    assert_eq!((paris.run("CLIENT ID"), paris.run("CLIENT GETNAME")), ("1".into(), "nil".into()));
    assert_eq!(paris.run("CLIENT SETNAME ada"), "OK");
    assert_eq!(paris.run("CLIENT GETNAME"), "ada");
    assert_eq!(
        paris.run("CLIENT SETNAME \"a b\""),
        "ERR Client names cannot contain spaces, newlines or special characters."
    );
    assert_eq!(paris.run("CLIENT SETNAME \"\""), "OK");
    assert_eq!(paris.run("CLIENT GETNAME"), "nil");
    assert_eq!(paris.run("CLIENT SETINFO LIB-NAME redis-py"), "OK");
    assert_eq!(
        paris.run("CLIENT SETINFO LIB-VER \"5 0\""),
        "ERR lib-ver cannot contain spaces, newlines or special characters."
    );
    assert_eq!(paris.run("CLIENT SETINFO FOO x"), "ERR Unrecognized option 'FOO'");
}

#[test]
fn connections_are_listed_by_what_is_asked() {
    let mut paris = Replica::new(1);
    assert!(paris.run("CLIENT LIST").starts_with("id=1"));
    assert!(paris.run("CLIENT INFO").starts_with("id=1"));
    assert_eq!(paris.run("CLIENT LIST TYPE pubsub"), "");
    assert!(paris.run("CLIENT LIST TYPE NORMAL").starts_with("id=1"));
    assert_eq!(paris.run("CLIENT LIST ID 5 6"), "");
    assert!(paris.run("CLIENT LIST ID 5 1").starts_with("id=1"));
    assert_eq!(paris.run("CLIENT LIST TYPE foo"), "ERR Unknown client type 'foo'");
    assert_eq!(paris.run("CLIENT LIST ID x"), "ERR Invalid client ID");
    assert_eq!(paris.run("CLIENT LIST foo"), "ERR syntax error");
}

#[test]
fn a_connection_is_ended_by_another_but_not_by_chance_by_itself() {
    let (mut paris, mut other) = (Replica::new(1), Session::new(2));
    let mut run =
        |words: &[&[u8]]| show(&other.execute(&[&[b"CLIENT".as_slice(), b"KILL"], words].concat(), &mut paris));
    assert_eq!(run(&[b"ID", b"1"]), "1");
    assert_eq!(run(&[b"ID", b"1", b"TYPE", b"master"]), "0");
    assert_eq!(run(&[b"ID", b"7"]), "0");
    assert_eq!(run(&[b"ADDR", b"nowhere:1"]), "0");
    assert_eq!(run(&[b"nowhere:1"]), "ERR No such client");
    assert_eq!(run(&[b"ID", b"x"]), "ERR client-id should be greater than 0");
    assert_eq!(run(&[b"SKIPME", b"maybe"]), "ERR syntax error");

    let mut own = Session::new(1);
    own.execute(&[b"CLIENT", b"KILL", b"ID", b"1"], &mut paris);
    assert!(!own.closing);
    assert_eq!(show(&own.execute(&[b"CLIENT", b"KILL", b"ID", b"1", b"SKIPME", b"no"], &mut paris)), "1");
    assert!(own.closing);
}

#[test]
fn replies_can_be_turned_off() {
    let (mut paris, mut session) = (Replica::new(1), Session::new(2));
    session.execute(&[b"CLIENT", b"REPLY", b"SKIP"], &mut paris);
    assert!(std::mem::take(&mut session.skip_next));
    session.execute(&[b"CLIENT", b"REPLY", b"OFF"], &mut paris);
    session.execute(&[b"CLIENT", b"REPLY", b"SKIP"], &mut paris);
    assert!(session.silent && !session.skip_next);
    session.execute(&[b"CLIENT", b"REPLY", b"ON"], &mut paris);
    assert!(!session.silent);
}

#[test]
fn what_is_left_out_says_so() {
    let mut paris = Replica::new(1);
    assert_eq!(paris.run("CLIENT NO-EVICT on"), "OK");
    assert_eq!(paris.run("CLIENT NO-TOUCH maybe"), "ERR syntax error");
    assert_eq!(paris.run("CLIENT TRACKINGINFO"), "{flags={off} prefixes=[] redirect=-1}");
    assert_eq!(
        paris.run("CLIENT TRACKING on"),
        "ERR command 'CLIENT TRACKING' is not offered: client-side caching is not built yet"
    );
    assert_eq!(paris.run("CLIENT UNBLOCK 1 ERROR"), "0");
    assert_eq!(paris.run("CLIENT UNBLOCK 1 WHY"), "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    assert_eq!(paris.run("CLIENT FOO"), "ERR unknown subcommand 'FOO'. Try CLIENT HELP.");
    assert_eq!(paris.run("CLIENT SETNAME"), "ERR wrong number of arguments for 'client|setname' command");
    assert!(paris.run("CLIENT HELP").contains("KILL"));
}
