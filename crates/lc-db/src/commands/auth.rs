//! `AUTH`: proves who the client is.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, Host, KeySpec, Reply, Run, Session};

pub(super) static COMMAND: Command = Command {
    name: "auth",
    arity: Arity::AtLeast(1),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "[username] password",
    summary: "Authenticates the connection; the only user is default.",
    concurrent: "",
    run: Run::Session(run),
};

fn run(session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    match *args {
        [_] if !host.password_required() => Err(Error::caller(
            "AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        )),
        [password] => authenticate(session, host, DEFAULT_USER, password),
        [user, password] => authenticate(session, host, user, password),
        _ => Err(Error::Syntax),
    }
    .map(|()| Reply::OK)
}

/// Marks the session as authenticated, or fails. A node without a password takes any from the default user.
pub(super) fn authenticate(session: &mut Session, host: &dyn Host, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let right = if host.password_required() { host.authenticate(user, password) } else { user == DEFAULT_USER };
    if !right {
        return Err(Error::WrongPass);
    }
    session.authenticated = true;
    Ok(())
}

const DEFAULT_USER: &[u8] = b"default";

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn only_the_right_password_opens_the_door() {
        let mut paris = Replica::new(1);
        paris.require_password("secret");
        assert_eq!(paris.run("PING"), "NOAUTH Authentication required.");
        assert_eq!(paris.run("AUTH wrong"), "WRONGPASS invalid username-password pair or user is disabled.");
        assert_eq!(paris.run("AUTH bob secret"), "WRONGPASS invalid username-password pair or user is disabled.");
        assert_eq!(paris.run("GET a"), "NOAUTH Authentication required.");
        assert_eq!(paris.run("AUTH default secret"), "OK");
        assert_eq!(paris.run("PING"), "PONG");
        assert_eq!(paris.run("AUTH a b c"), "ERR syntax error");
        assert_eq!(paris.run("RESET"), "RESET");
        assert_eq!(paris.run("PING"), "NOAUTH Authentication required.");
        assert_eq!(paris.run("AUTH secret"), "OK");
    }

    #[test]
    fn without_a_password_only_the_default_user_is_known() {
        let mut paris = Replica::new(1);
        assert!(paris.run("AUTH x").starts_with("ERR AUTH <password> called without any password"));
        assert_eq!(paris.run("AUTH default x"), "OK");
        assert_eq!(paris.run("AUTH bob x"), "WRONGPASS invalid username-password pair or user is disabled.");
    }
}
