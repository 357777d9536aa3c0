use std::collections::BTreeSet;

use crate::catalogue::{Arity, KeySpec};
use crate::commands::{COMMANDS, NOT_OFFERED, find};
use crate::testing::Replica;

#[test]
fn commands_are_described_from_the_catalogue() {
    let mut paris = Replica::new(1);
    assert_eq!(paris.run("COMMAND COUNT"), COMMANDS.len().to_string());
    let get = "[get 2 {readonly} 1 1 1 {@read @string} {} \
        {{begin_search={spec={index=1} type=index} find_keys={spec={keystep=1 lastkey=0 limit=0} type=range} flags={RO access}}} {}]";
    assert_eq!(paris.run("COMMAND INFO get"), format!("[{get}]"));
    assert_eq!(paris.run("COMMAND INFO GET nosuch"), format!("[{get} nil]"));
    assert!(paris.run("COMMAND").contains(get));
    assert!(paris.run("COMMAND INFO mset").starts_with("[[mset -3 {write} 1 -1 2 {@string @write} {}"));
    let docs = paris.run("COMMAND DOCS incr nosuch");
    assert!(
        docs.starts_with("{incr={arguments=[{name=key type=string}] concurrent=Increments add up.")
            && docs.contains("group=string"),
        "{docs}"
    );
    assert!(paris.run("COMMAND HELP").contains("GETKEYS"));
    assert_eq!(paris.run("COMMAND FOO"), "ERR unknown subcommand 'FOO'. Try COMMAND HELP.");
}

#[test]
fn names_are_listed_and_filtered() {
    let mut paris = Replica::new(1);
    assert_eq!(paris.run("COMMAND LIST").split(' ').count(), COMMANDS.len());
    assert_eq!(paris.run("COMMAND LIST FILTERBY MODULE json"), "[]");
    assert_eq!(paris.run("COMMAND LIST FILTERBY PATTERN GETR*"), "[getrange]");
    assert_eq!(paris.run("COMMAND LIST FILTERBY ACLCAT transaction"), "[multi exec discard watch unwatch]");
    assert_eq!(paris.run("COMMAND LIST FILTERBY FOO x"), "ERR syntax error");
}

#[test]
fn keys_are_found_among_arguments() {
    let mut paris = Replica::new(1);
    assert_eq!(paris.run("COMMAND GETKEYS MSET a 1 b 2"), "[a b]");
    assert_eq!(paris.run("COMMAND GETKEYS OBJECT ENCODING a"), "[a]");
    assert_eq!(paris.run("COMMAND GETKEYS DEL a b c"), "[a b c]");
    assert_eq!(paris.run("COMMAND GETKEYS nosuch a"), "ERR Invalid command specified");
    assert_eq!(paris.run("COMMAND GETKEYS PING"), "ERR The command has no key arguments");
    assert_eq!(paris.run("COMMAND GETKEYS GET"), "ERR Invalid number of arguments specified for command");
    assert_eq!(paris.run("COMMAND GETKEYS"), "ERR wrong number of arguments for 'command|getkeys' command");
}

#[test]
fn keys_that_are_counted_are_found_too() {
    let mut paris = Replica::new(1);
    if find(b"zunionstore").is_some() {
        assert_eq!(paris.run("COMMAND GETKEYS ZUNIONSTORE to 2 a b WEIGHTS 1 2"), "[to a b]");
        assert_eq!(paris.run("COMMAND GETKEYS ZUNIONSTORE to 9 a b"), "ERR Invalid arguments specified for command");
    }
}

#[test]
fn the_catalogue_is_in_order() {
    let mut names = BTreeSet::new();
    for command in COMMANDS {
        let name = command.name;
        assert!(names.insert(name), "{name} is there twice");
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(std::ptr::eq(find(name.to_ascii_uppercase().as_bytes()).expect("findable"), *command));
        assert!(command.summary.ends_with('.'), "the summary of {name} is no sentence");
        // EXEC writes what was queued.
        let writes = command.run.writes() || name == "exec";
        assert_eq!(
            writes,
            !command.concurrent.is_empty(),
            "{name}: writes say what concurrent uses become, others do not"
        );
        if let (Arity::Exactly(count), KeySpec { last, .. }) = (command.arity, command.keys) {
            assert!(last <= count as i32, "{name} has keys beyond its arguments");
        }
    }
    for name in NOT_OFFERED.iter().flat_map(|(names, _)| names.iter()) {
        assert!(!names.contains(name), "{name} is offered and not offered");
    }
}
