//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`: several commands as one entry, seen by all regions whole or not at all.

use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run};

pub(super) static MULTI: Command = Command {
    name: "multi",
    arity: Arity::Exactly(0),
    group: Group::Transactions,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Starts queueing commands for EXEC.",
    concurrent: "",
    run: Run::Transaction(|session, _, _| session.begin()),
};

pub(super) static EXEC: Command = Command {
    name: "exec",
    arity: Arity::Exactly(0),
    group: Group::Transactions,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Carries out what MULTI queued, as one atomic entry.",
    concurrent: "Each change merges by its own rule; no region ever shows a part of the transaction.",
    run: Run::Transaction(|session, engine, _| session.exec(engine)),
};

pub(super) static DISCARD: Command = Command {
    name: "discard",
    arity: Arity::Exactly(0),
    group: Group::Transactions,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Forgets what MULTI queued and WATCH watched.",
    concurrent: "",
    run: Run::Transaction(|session, engine, _| {
        if !session.in_transaction() {
            return Err(Error::caller("DISCARD without MULTI"));
        }
        session.discard(engine);
        Ok(Reply::OK)
    }),
};

pub(super) static WATCH: Command = Command {
    name: "watch",
    arity: Arity::AtLeast(1),
    group: Group::Transactions,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "Lets the next EXEC fail if a key changes before it, by a client here or an entry from another region.",
    concurrent: "",
    run: Run::Transaction(|session, engine, args| session.watch(engine, args)),
};

pub(super) static UNWATCH: Command = Command {
    name: "unwatch",
    arity: Arity::Exactly(0),
    group: Group::Transactions,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "Forgets what WATCH watched.",
    concurrent: "",
    run: Run::Transaction(|session, engine, _| {
        session.unwatch(engine);
        Ok(Reply::OK)
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;
    use crate::{Error, Reply};

    #[test]
    fn a_transaction_is_one_entry() {
        let mut paris = Replica::new(1);
        paris.run("MULTI");
        assert_eq!(paris.run("SET a 1"), "QUEUED");
        assert_eq!(paris.run("INCR a"), "QUEUED");
        assert_eq!(paris.run("EXEC"), "[OK 2]");
        assert_eq!(paris.journal.len(), 1);
        let mut tokyo = Replica::new(2);
        tokyo.pull(&paris);
        assert_eq!(tokyo.run("GET a"), "2");
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }

    #[test]
    fn an_exec_that_must_come_again_finds_all_that_was_queued_and_watched() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1");
        for line in ["WATCH a", "MULTI", "INCR a", "INCR a"] {
            paris.run(line);
        }
        paris.crowded = 2;
        for _ in 0..2 {
            assert_eq!(paris.reply(&[b"EXEC"]), Reply::Error(Error::Later));
        }
        assert_eq!(paris.run("EXEC"), "[2 3]");
        assert_eq!(paris.run("EXEC"), "ERR EXEC without MULTI");
    }

    #[test]
    fn a_queue_of_commands_without_arguments_ends_too() {
        let mut paris = Replica::new(1);
        paris.run("MULTI");
        let queued = (0..1_000_000).take_while(|_| paris.reply(&[b"PING"]) == Reply::Word("QUEUED")).count();
        assert!((200_000..300_000).contains(&queued), "{queued}");
        assert!(paris.run("EXEC").starts_with("EXECABORT"));
    }

    #[test]
    fn only_so_many_keys_are_watched() {
        let mut paris = Replica::new(1);
        for number in 0..4096 {
            assert_eq!(paris.run(&format!("WATCH key{number}")), "OK");
        }
        assert_eq!(paris.run("WATCH another"), "ERR at most 4096 keys can be watched");
        assert_eq!(paris.run("WATCH key7"), "OK");
        paris.run("UNWATCH");
        assert_eq!(paris.run("WATCH another"), "OK");
    }

    #[test]
    fn a_refused_command_spoils_the_transaction() {
        let mut paris = Replica::new(1);
        paris.run("MULTI");
        assert_eq!(paris.run("INCR"), "ERR wrong number of arguments for 'incr' command");
        assert_eq!(paris.run("EXEC"), "EXECABORT Transaction discarded because of previous errors.");
        assert_eq!(paris.run("EXEC"), "ERR EXEC without MULTI");
    }

    #[test]
    fn a_second_multi_or_a_late_watch_is_refused_and_spoils_nothing() {
        let mut paris = Replica::new(1);
        paris.run("MULTI");
        paris.run("SET a 1");
        assert_eq!(paris.run("MULTI"), "ERR MULTI calls can not be nested");
        assert_eq!(paris.run("WATCH a"), "ERR WATCH inside MULTI is not allowed");
        assert_eq!(paris.run("EXEC"), "[OK]");
    }

    #[test]
    fn unwatch_inside_multi_comes_too_late_to_help() {
        let mut paris = Replica::new(1);
        paris.run("WATCH a");
        paris.run("SET a 1");
        paris.run("MULTI");
        assert_eq!(paris.run("UNWATCH"), "QUEUED");
        assert_eq!(paris.run("EXEC"), "nil");
        paris.run("MULTI");
        paris.run("UNWATCH");
        assert_eq!(paris.run("EXEC"), "[OK]");
    }

    #[test]
    fn a_watched_key_that_changes_stops_exec() {
        let mut paris = Replica::new(1);
        paris.run("WATCH a");
        paris.run("SET a 1");
        paris.run("MULTI");
        paris.run("SET a 2");
        assert_eq!(paris.run("EXEC"), "nil");
        assert_eq!(paris.run("GET a"), "1");
    }
}
