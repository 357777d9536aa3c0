//! `GETRANGE` and its old name `SUBSTR`: a part of a string.

use std::ops::Range;

use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static GETRANGE: Command = Command {
    name: "getrange",
    arity: Arity::Exactly(3),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key start end",
    summary: "The bytes of a string from start to end, both included; negative positions count from the end.",
    concurrent: "",
    run: Run::Read(run),
};

pub(super) static SUBSTR: Command = Command {
    name: "substr",
    arity: Arity::Exactly(3),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key start end",
    summary: "The old name of GETRANGE.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (start, end) = (int(args[1])?, int(args[2])?);
    let value = view.string(args[0])?.unwrap_or_default();
    Ok(Reply::Bulk(value.slice(range(start, end, value.len()))))
}

fn range(start: i64, end: i64, length: usize) -> Range<usize> {
    // Also what the clamping below would turn into the first byte.
    if length == 0 || start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let length = length as i64;
    let from_front = |position: i64| if position < 0 { position.saturating_add(length).max(0) } else { position };
    let (first, last) = (from_front(start), from_front(end).min(length - 1));
    if first > last { 0..0 } else { first as usize..last as usize + 1 }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn positions_count_from_both_ends() {
        let mut paris = Replica::new(1);
        paris.run("SET a Hello");
        for (span, part) in [
            ("0 2", "Hel"),
            ("0 -1", "Hello"),
            ("-3 -1", "llo"),
            ("-100 100", "Hello"),
            ("5 9", "\"\""),
            ("3 1", "\"\""),
            ("-1 -3", "\"\""),
            ("0 -100", "H"),
            ("-9223372036854775808 9223372036854775807", "Hello"),
        ] {
            assert_eq!(paris.run(&format!("GETRANGE a {span}")), part, "{span}");
        }
        assert_eq!(paris.run("SUBSTR a 1 1"), "e");
        assert_eq!(paris.run("GETRANGE none 0 -1"), "\"\"");
    }
}
