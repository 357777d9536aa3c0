//! `TIME`: the node's clock.

use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "time",
    arity: Arity::Exactly(0),
    group: Group::Server,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "The node's Unix time in seconds, and the microseconds of that second, to a millisecond.",
    concurrent: "",
    run: Run::Session(|_, host, _| {
        let now_ms = host.now_ms();
        let part = |number: u64| Reply::bulk(number.to_string());
        Ok(Reply::Array(vec![part(now_ms / 1000), part(now_ms % 1000 * 1000)]))
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn seconds_and_microseconds() {
        let mut paris = Replica::new(1);
        paris.now_ms += 234;
        assert_eq!(paris.run("TIME"), "[1000 234000]");
    }
}
