//! `TTL`, `PTTL`, `EXPIRETIME`, `PEXPIRETIME`: when a key ends.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static TTL: Command = Command {
    name: "ttl",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "Seconds until the key ends, rounded; -1 if it does not, -2 if there is none.",
    concurrent: "",
    run: Run::Read(|view, args| reply(view, args, |at_ms| seconds(at_ms - view.now_ms()))),
};

pub(super) static PTTL: Command = Command {
    name: "pttl",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "TTL in milliseconds.",
    concurrent: "",
    run: Run::Read(|view, args| reply(view, args, |at_ms| at_ms - view.now_ms())),
};

pub(super) static EXPIRETIME: Command = Command {
    name: "expiretime",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "The Unix time in seconds at which the key ends; -1 if it does not, -2 if there is none.",
    concurrent: "",
    run: Run::Read(|view, args| reply(view, args, seconds)),
};

pub(super) static PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "EXPIRETIME in milliseconds.",
    concurrent: "",
    run: Run::Read(|view, args| reply(view, args, |at_ms| at_ms)),
};

/// A key that exists ends after `view.now_ms()`, so what callers subtract cannot underflow.
fn reply(view: &View<'_>, args: Args<'_>, amount: impl Fn(u64) -> u64) -> Result<Reply, Error> {
    let Some(head) = view.head(args[0])? else { return Ok(Reply::Int(-2)) };
    Ok(Reply::Int(head.expires_ms().map_or(-1, |at_ms| amount(at_ms) as i64)))
}

fn seconds(ms: u64) -> u64 {
    (ms + 500) / 1000
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn what_is_left_and_when_it_ends() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1 PX 1600");
        paris.run("SADD s x");
        let of = |replica: &mut Replica, key: &str| {
            ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"].map(|name| replica.run(&format!("{name} {key}")))
        };
        assert_eq!(of(&mut paris, "a"), ["2", "1600", "1002", "1001600"]);
        assert_eq!(of(&mut paris, "s"), ["-1"; 4]);
        assert_eq!(of(&mut paris, "none"), ["-2"; 4]);
        paris.now_ms += 1600;
        assert_eq!(of(&mut paris, "a"), ["-2"; 4]);
    }
}
