//! `CLIENT KILL`: which connections, and ending them.

use super::{check_kind, client_id};
use crate::arguments::{Args, is};
use crate::{Error, Host, Reply, Session};

/// Carries out `CLIENT KILL`; `args` are what follows it, at least one.
pub(super) fn run(session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    if let [address] = *args {
        // The old form may end the connection that asks, and answers with an error if there is none.
        let filter = Filter { address: Some(address), include_self: true, ..Filter::default() };
        return match end(session, host, &filter) {
            0 => Err(Error::caller("No such client")),
            _ => Ok(Reply::OK),
        };
    }
    let filter = Filter::parse(args)?;
    Ok(Reply::count(end(session, host, &filter)))
}

fn end(session: &mut Session, host: &dyn Host, filter: &Filter<'_>) -> usize {
    let mut ended = 0;
    for (id, line) in host.clients() {
        let own = id == session.id;
        if own && !filter.include_self || !filter.accepts(id, &line) {
            continue;
        }
        // The connection that asks ends by itself, after its reply.
        session.closing |= own;
        ended += usize::from(own || host.kill_client(id));
    }
    ended
}

#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    include_self: bool,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, Error> {
        let mut filter = Filter::default();
        for pair in args.chunks(2) {
            let &[word, value] = pair else { return Err(Error::Syntax) };
            match word {
                _ if is(word, "id") => {
                    filter.id =
                        Some(client_id(value).map_err(|_| Error::caller("client-id should be greater than 0"))?);
                }
                _ if is(word, "addr") => filter.address = Some(value),
                _ if is(word, "laddr") => filter.local_address = Some(value),
                _ if is(word, "user") => filter.user = Some(value),
                _ if is(word, "type") => {
                    check_kind(value)?;
                    filter.kind = Some(value);
                }
                _ if is(word, "skipme") && is(value, "yes") => filter.include_self = false,
                _ if is(word, "skipme") && is(value, "no") => filter.include_self = true,
                _ => return Err(Error::Syntax),
            }
        }
        Ok(filter)
    }

    fn accepts(&self, id: u64, line: &str) -> bool {
        self.id.is_none_or(|wanted| wanted == id)
            && self.kind.is_none_or(|kind| is(kind, "normal"))
            && [("addr=", self.address), ("laddr=", self.local_address), ("user=", self.user)].into_iter().all(
                |(name, wanted)| {
                    wanted.is_none_or(|wanted| field(line, name).is_some_and(|value| value.as_bytes() == wanted))
                },
            )
    }
}

/// The value of a field in a line of `CLIENT LIST`; `name` ends in `=`.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ').find_map(|part| part.strip_prefix(name))
}
