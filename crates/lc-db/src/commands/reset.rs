//! `RESET`: a connection as if it were new.

use bytes::Bytes;

use crate::consistency::Wish;
use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "reset",
    arity: Arity::Exactly(0),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Forgets name, protocol, authentication, levels and session, what MULTI queued and WATCH watched.",
    concurrent: "",
    // Queue and watched keys are gone already: the session drops them before this runs.
    run: Run::Session(|session, _, _| {
        session.name = Bytes::new();
        session.protocol = 2;
        session.authenticated = false;
        session.silent = false;
        session.wish = Wish::default();
        session.receipts = false;
        session.forget_session();
        Ok(Reply::Word("RESET"))
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn nothing_of_the_connection_is_left() {
        let mut paris = Replica::new(1);
        paris.run("HELLO 3 SETNAME ada");
        paris.run("MULTI");
        assert_eq!(paris.run("RESET"), "RESET");
        assert_eq!((paris.run("CLIENT GETNAME"), paris.run("EXEC")), ("nil".into(), "ERR EXEC without MULTI".into()));
        assert!(paris.run("HELLO").contains("proto=2"));
    }
}
