//! `HELLO`: which protocol, who the client is, and what it has reached.

use crate::arguments::{Args, int, is, shown};
use crate::commands::auth::authenticate;
use crate::commands::client::checked_name;
use crate::{Arity, Command, Error, Group, Host, KeySpec, Reply, Run, Session};

pub(super) static COMMAND: Command = Command {
    name: "hello",
    arity: Arity::AtLeast(0),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "[protover [AUTH username password] [SETNAME clientname]]",
    summary: "Chooses RESP2 or RESP3, authenticates, names the connection; answers what the node is.",
    concurrent: "",
    run: Run::Session(run),
};

fn run(session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    let (protocol, words) = match args.split_first() {
        Some((version, words)) => (Some(protocol(version)?), words),
        None => (None, args),
    };
    let options = Options::parse(words)?;
    if let Some((user, password)) = options.login {
        authenticate(session, host, user, password)?;
    }
    if host.password_required() && !session.authenticated {
        return Err(Error::NoAuth);
    }
    if let Some(name) = options.name {
        session.name = checked_name(name, "Client names")?;
    }
    if let Some(protocol) = protocol {
        session.protocol = protocol;
    }
    Ok(greeting(session))
}

fn protocol(version: &[u8]) -> Result<u8, Error> {
    match int(version).map_err(|_| Error::caller("Protocol version is not an integer or out of range"))? {
        2 => Ok(2),
        3 => Ok(3),
        _ => Err(Error::NoProto),
    }
}

#[derive(Default)]
struct Options<'a> {
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(mut words: Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        loop {
            words = match *words {
                [] => return Ok(options),
                [word, user, password, ref rest @ ..] if is(word, "auth") => {
                    options.login = Some((user, password));
                    rest
                }
                [word, name, ref rest @ ..] if is(word, "setname") => {
                    options.name = Some(name);
                    rest
                }
                [word, ..] => return Err(Error::caller(format!("Syntax error in HELLO option '{}'", shown(word)))),
            };
        }
    }
}

fn greeting(session: &Session) -> Reply {
    let fields = [
        // Clients choose their dialect by these two.
        ("server", Reply::bulk("redis")),
        ("version", Reply::bulk(REDIS_VERSION)),
        ("proto", Reply::Int(i64::from(session.protocol.max(2)))),
        ("id", Reply::Int(session.id as i64)),
        ("mode", Reply::bulk("standalone")),
        // Every region takes writes, so to a client each is a master.
        ("role", Reply::bulk("master")),
        ("modules", Reply::Array(Vec::new())),
    ];
    Reply::Map(fields.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

/// The Redis whose commands these follow; a node's `INFO` says the same.
const REDIS_VERSION: &str = "7.0.15";

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_node_says_what_it_is() {
        let mut paris = Replica::new(1);
        assert_eq!(
            paris.run("HELLO"),
            "{id=1 mode=standalone modules=[] proto=2 role=master server=redis version=7.0.15}"
        );
        assert!(paris.run("HELLO 3 SETNAME ada").contains("proto=3"));
        assert_eq!(paris.run("CLIENT GETNAME"), "ada");
        assert!(paris.run("HELLO").contains("proto=3"));
        assert_eq!(paris.run("HELLO 4"), "NOPROTO unsupported protocol version");
        assert_eq!(paris.run("HELLO x"), "ERR Protocol version is not an integer or out of range");
        assert_eq!(paris.run("HELLO 3 AUTH bob"), "ERR Syntax error in HELLO option 'AUTH'");
        assert_eq!(paris.run("HELLO 3 FOO"), "ERR Syntax error in HELLO option 'FOO'");
    }

    #[test]
    fn a_client_may_authenticate_on_the_way() {
        let mut paris = Replica::new(1);
        paris.require_password("secret");
        assert_eq!(paris.run("HELLO 3"), "NOAUTH Authentication required.");
        assert_eq!(
            paris.run("HELLO 3 AUTH default no"),
            "WRONGPASS invalid username-password pair or user is disabled."
        );
        assert!(paris.run("HELLO 3 AUTH default secret").contains("proto=3"));
        assert_eq!(paris.run("PING"), "PONG");
    }
}
