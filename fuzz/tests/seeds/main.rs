//! The seeds of every target and the dictionary of commands, made by the encoders themselves. `cargo xtask fuzz --seeds`
//! writes them anew after a format has changed; otherwise this fails where they are not what they should be.

mod bytes_of_raft;
mod entries;
mod frames;
mod stories;
mod texts;

// Built with the same flags as the targets, tests need what the counters report to.
use libfuzzer_sys as _;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A target, a seed's name, its bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

/// What runs a seed.
type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("catalogue", lc_fuzz::catalogue::run),
    ("entries", lc_fuzz::entries::run),
    ("http_requests", lc_fuzz::http_requests::run),
    ("journal_recovery", lc_fuzz::journal_recovery::run),
    ("link_frames", lc_fuzz::link_frames::run),
    ("member_frames", lc_fuzz::member_frames::run),
    ("merge_rules", lc_fuzz::merge_rules::run),
    ("policies", lc_fuzz::policies::run),
    ("raft_bytes", lc_fuzz::raft_bytes::run),
    ("resp_commands", lc_fuzz::resp_commands::run),
    ("resp_requests", lc_fuzz::resp_requests::run),
    ("session_tokens", lc_fuzz::session_tokens::run),
];

fn seeds() -> Vec<Seed> {
    [texts::seeds(), stories::seeds(), entries::seeds(), frames::seeds(), bytes_of_raft::seeds()].concat()
}

#[test]
fn every_seed_is_what_its_encoder_writes_and_no_target_minds_it() {
    let mut expected: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (target, name, bytes) in seeds() {
        let (_, run) = TARGETS.iter().find(|(known, _)| *known == target).expect("a target that there is");
        run(&bytes);
        let path = root().join("corpus").join(target).join(name);
        assert!(expected.insert(path, bytes).is_none(), "two seeds of {target} are called {name}");
    }
    for (target, _) in TARGETS {
        assert!(expected.keys().any(|path| path.starts_with(root().join("corpus").join(target))), "{target} has seeds");
    }
    expected.insert(root().join("dictionaries/resp_commands.dict"), dictionary().into_bytes());
    expected.iter().for_each(|(path, bytes)| agree(path, bytes));
}

#[test]
fn every_target_is_run_by_the_seeds_or_is_the_canary() {
    let files = fs::read_dir(root().join("fuzz_targets")).expect("the targets").flatten();
    let mut stems: Vec<String> = files
        .filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()))
        .filter(|stem| stem != "canary")
        .collect();
    stems.sort();
    assert_eq!(stems, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "planted")]
fn the_canary_has_its_mistake() {
    lc_fuzz::canary::run(b"canary\x09");
}

fn agree(path: &Path, bytes: &[u8]) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make a folder");
        fs::write(path, bytes).expect("write a seed");
    }
    let found =
        fs::read(path).unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask fuzz --seeds`", path.display()));
    assert!(found == bytes, "{} is out of date; `cargo xtask fuzz --seeds`", path.display());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every command there is, with the words that are arguments of several.
fn dictionary() -> String {
    let mut text = "# Every command, and words that several take. Written by tests/seeds/main.rs.\n".to_owned();
    let names = lc_db::COMMANDS.iter().map(|command| command.name.to_uppercase());
    for word in names.chain(ARGUMENTS.iter().map(|&word| word.to_owned())) {
        text.push_str(&format!("\"{word}\"\n"));
    }
    text
}

const ARGUMENTS: &[&str] = &[
    "EX ",
    "PX ",
    "EXAT ",
    "NX ",
    "XX ",
    "GET ",
    "KEEPTTL",
    "WITHSCORES",
    "BYSCORE ",
    "BYLEX ",
    "REV ",
    "LIMIT 0 2",
    "COUNT ",
    "MATCH ",
    "TYPE ",
    "WEIGHTS 1 2",
    "AGGREGATE MAX",
    "STORE ",
    "INCR ",
    "CH ",
    "GT ",
    "LT ",
    "-inf",
    "+inf",
    "(1",
    "[a",
    "nan",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "0x10",
    "@\\x0a",
    "@@\\x0a",
    "@+\\x0a",
    " a",
    " b",
    " l:a",
    " s:a",
    " m:a",
    " n:a",
    " u:a",
    " j:a",
    "IFCONTEXT ",
    "RESP3",
    "SETNAME ",
    "ID",
    "LIST",
];
