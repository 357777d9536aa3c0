//! `QUIT`: ends the connection after its reply.

use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "quit",
    arity: Arity::AtLeast(0),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Answers OK and ends the connection; what MULTI queued is forgotten.",
    concurrent: "",
    run: Run::Session(|session, _, _| {
        session.closing = true;
        Ok(Reply::OK)
    }),
};

#[cfg(test)]
mod tests {
    use crate::Session;
    use crate::testing::{Replica, show};

    #[test]
    fn the_connection_ends_after_the_reply() {
        let (mut paris, mut session) = (Replica::new(1), Session::new(9));
        session.execute(&[b"MULTI"], &mut paris);
        assert_eq!(show(&session.execute(&[b"QUIT"], &mut paris)), "OK");
        assert!(session.closing && !session.in_transaction());
    }
}
