use lc_policy::Ack;

use crate::testing::{Replica, settle};
use crate::{Promise, Reply};

#[test]
fn a_token_carries_what_was_written_to_another_region() {
    let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
    paris.run("SET city paris");
    let token = paris.run("SESSION TOKEN");
    assert_eq!(tokyo.run(&format!("SESSION RESUME {token}")), "OK");
    // It would rather wait or fail than show that nothing was written.
    assert_eq!(tokyo.run("GET city"), "BEHIND this replica lacks r1:1");
    assert_eq!(tokyo.run("SET city tokyo"), "BEHIND this replica lacks r1:1");
    assert_eq!(tokyo.run("WITH READ eventual GET city"), "nil");
    tokyo.pull(&paris);
    assert_eq!(tokyo.run("GET city"), "paris");
    assert_eq!(tokyo.run("SET city tokyo"), "OK");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(paris.run("GET city"), "tokyo");
}

#[test]
fn a_token_passes_on_what_its_own_session_resumed_from() {
    let (mut paris, mut tokyo, mut lima) = (Replica::new(1), Replica::new(2), Replica::new(3));
    paris.run("SET a 1");
    let from_paris = paris.run("SESSION TOKEN");
    tokyo.run(&format!("SESSION RESUME {from_paris}"));
    let from_tokyo = tokyo.run("SESSION TOKEN");
    lima.run(&format!("SESSION RESUME {from_tokyo}"));
    assert_eq!(lima.run("GET a"), "BEHIND this replica lacks r1:1");
    assert_eq!(lima.run("SESSION RESET"), "OK");
    assert_eq!(lima.run("GET a"), "nil");
}

#[test]
fn inside_multi_a_session_waits_at_exec() {
    let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
    paris.run("SET a 1");
    let token = paris.run("SESSION TOKEN");
    tokyo.run("MULTI");
    assert_eq!(tokyo.run(&format!("SESSION RESUME {token}")), "OK");
    tokyo.run("SET a 2");
    assert_eq!(tokyo.run("EXEC"), "BEHIND this replica lacks r1:1");
    // The client believes that the transaction is over, and so it is.
    assert_eq!(tokyo.run("EXEC"), "ERR EXEC without MULTI");
    tokyo.pull(&paris);
    assert_eq!(tokyo.run("GET a"), "1");
}

#[test]
fn tokens_that_cannot_be_are_refused_at_once() {
    let mut paris = Replica::new(1);
    assert_eq!(paris.run("SESSION RESUME hello"), "TOKEN session token: this is not a session token");
    // Of a replica with this id that had made more writes: its data were lost, or there are two.
    let mut twin = Replica::new(1);
    twin.run("SET a 1");
    let future = twin.run("SESSION TOKEN");
    assert_eq!(
        paris.run(&format!("SESSION RESUME {future}")),
        "TOKEN session token: it names write 1 of this replica, which has made 0"
    );
    assert_eq!(paris.run("GET a"), "nil");
}

#[test]
fn levels_are_set_shown_and_given_back_to_the_table() {
    let mut paris = Replica::new(1);
    paris.regions = 3;
    assert_eq!((paris.run("SESSION ACK"), paris.run("SESSION READ")), ("table".into(), "table".into()));
    assert_eq!((paris.run("SESSION ACK REGIONS(2)"), paris.run("SESSION READ quorum(2)")), ("OK".into(), "OK".into()));
    assert_eq!((paris.run("SESSION ACK"), paris.run("session read")), ("regions(2)".into(), "quorum(2)".into()));
    assert_eq!(paris.run("SET a 1"), "OK");
    let promised = paris.promised.take().expect("two regions are to hold it");
    assert_eq!((promised.ack, promised.regions), (Ack::Regions(2), 2));
    assert!(paris.run("GET a").starts_with("NOQUORUM 1 of the 2 regions"));
    assert_eq!((paris.run("SESSION ACK table"), paris.run("SESSION READ TABLE")), ("OK".into(), "OK".into()));
    assert_eq!((paris.run("GET a"), paris.run("SET a 2"), paris.promised.take()), ("1".into(), "OK".into(), None));
}

#[test]
fn levels_that_mean_nothing_or_cannot_be_kept_are_refused() {
    let mut paris = Replica::new(1);
    for line in ["SESSION ACK some", "SESSION ACK regions(x)", "SESSION READ fresh", "WITH ACK most SET a 1"] {
        assert!(paris.run(line).starts_with("ERR "), "{line}");
    }
    assert_eq!(paris.run("SESSION ACK"), "table");
    assert!(paris.run("WITH ACK regions(2) SET a 1").starts_with("ERR ack=regions(2) asks for 2 regions, there are 1"));
    assert!(paris.run("WITH READ quorum(2) GET a").starts_with("ERR read=quorum(2): there are 1 regions"));
    assert!(paris.journal.is_empty());
}

/// It was taken with OK, and the first read after it failed.
#[test]
fn a_level_that_no_table_can_keep_is_refused_when_it_is_asked_for() {
    let mut paris = Replica::new(1);
    let why = "NOTYET read=strong needs a table with one decider (writers=home or consensus), which does not exist yet; the nearest that can be kept is quorum(n)";
    assert_eq!(paris.run("SESSION READ quorum(1)"), "OK");
    assert_eq!(paris.run("SESSION READ strong"), why);
    assert_eq!(paris.run("SESSION READ"), "quorum(1)");
    assert_eq!(paris.run("WITH READ strong SET a 1"), why);
    assert_eq!(paris.run("EXISTS a"), "0");
}

#[test]
fn with_asks_for_one_command_only() {
    let mut paris = Replica::new(1);
    paris.regions = 3;
    assert_eq!(paris.run("WITH ACK all READ quorum(2) SET a 1 PX 50"), "OK");
    assert_eq!(paris.promised.take(), Some(Promise { ack: Ack::All, regions: 3, timeout_ms: 2000, among: None }));
    assert!(paris.run("WITH READ bounded(500ms) GET a").starts_with("STALE nobody is known to be fresh within 500 ms"));
    assert_eq!((paris.run("WITH GET a"), paris.run("SET a 2"), paris.promised.take()), ("1".into(), "OK".into(), None));
    assert_eq!(paris.run("WITH ACK all"), "ERR wrong number of arguments for 'with' command");
    assert_eq!(paris.run("WITH READ session READ session GET a"), "ERR syntax error");
    assert_eq!(paris.run("WITH ACK all GET"), "ERR wrong number of arguments for 'get' command");
    for line in ["WITH ACK all PING", "WITH ACK all MULTI", "WITH ACK all WITH ACK local SET a 1"] {
        assert!(paris.run(line).starts_with("ERR WITH goes before a command that reads or writes records"), "{line}");
    }
    assert_eq!(paris.run("COMMAND GETKEYS WITH ACK all SET a 1"), "ERR The command has no key arguments");
}

#[test]
fn with_inside_multi_spoils_the_transaction_that_it_cannot_be_part_of() {
    let mut paris = Replica::new(1);
    paris.run("MULTI");
    paris.run("SET a 1");
    assert!(paris.run("WITH ACK all SET b 1").starts_with("ERR WITH inside MULTI is not allowed"));
    assert_eq!(paris.run("EXEC"), "EXECABORT Transaction discarded because of previous errors.");
}

#[test]
fn a_password_is_asked_for_behind_with_too() {
    let mut paris = Replica::new(1);
    paris.require_password("secret");
    for line in ["WITH ACK all GET a", "SESSION TOKEN", "RECEIPT LAST"] {
        assert_eq!(paris.run(line), "NOAUTH Authentication required.", "{line}");
    }
}

#[test]
fn reset_makes_a_new_session_too() {
    let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
    paris.run("SET a 1");
    let token = paris.run("SESSION TOKEN");
    tokyo.run(&format!("SESSION RESUME {token}"));
    tokyo.run("SESSION ACK all");
    tokyo.run("RECEIPT ON");
    assert_eq!(tokyo.run("RESET"), "RESET");
    assert_eq!((tokyo.run("GET a"), tokyo.run("SESSION ACK")), ("nil".into(), "table".into()));
}

#[test]
fn receipts_are_switched_and_the_last_one_is_told() {
    let mut paris = Replica::new(1);
    let plain = "{ack=nil fallback=nil held-by=0 read=local regions=[] staleness-ms=nil waited-ms=0 wan-bytes=0}";
    assert_eq!((paris.run("RECEIPT LAST"), paris.run("RECEIPT on")), (plain.into(), "OK".into()));
    assert_eq!((paris.run("RECEIPT OFF"), paris.run("RECEIPT LATER")), ("OK".into(), "ERR syntax error".into()));
    assert!(matches!(paris.reply(&[b"SESSION", b"HELP"]), Reply::Array(lines) if lines.len() > 5));
    assert_eq!(paris.run("SESSION FOO"), "ERR unknown subcommand 'FOO'. Try SESSION HELP.");
    assert_eq!(paris.run("SESSION RESUME"), "ERR wrong number of arguments for 'session|resume' command");
    assert_eq!(paris.run("SESSION ACK all all"), "ERR wrong number of arguments for 'session|ack' command");
}
