//! `CONFIG`: settings of the node.

use crate::arguments::{Args, shown};
use crate::commands::subcommand::{Subcommand, help};
use crate::{Arity, Command, Error, Group, Host, KeySpec, Reply, Run, Session, glob};

pub(super) static COMMAND: Command = Command {
    name: "config",
    arity: Arity::AtLeast(1),
    group: Group::Server,
    keys: KeySpec::NONE,
    syntax: "GET pattern [pattern ...] | SET name value [name value ...] | RESETSTAT | HELP",
    summary: "Shows settings, and changes those that may change while the node runs. REWRITE is refused: the configuration file is the operator's.",
    concurrent: "",
    run: Run::Session(run),
};

fn run(_session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    let sub = Subcommand::new("CONFIG", args);
    match sub.lower().as_str() {
        "get" => Ok(get(host, sub.at_least(1)?)),
        "set" => set(host, &sub),
        "resetstat" => sub.exactly::<0>().map(|_| {
            host.reset_statistics();
            Reply::OK
        }),
        "rewrite" => Err(sub.not_offered("a node never writes its own configuration file")),
        "help" => sub.exactly::<0>().map(|_| help(HELP)),
        _ => Err(sub.unknown()),
    }
}

fn get(host: &dyn Host, patterns: Args<'_>) -> Reply {
    let patterns: Vec<Vec<u8>> = patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    let mut settings = host.config();
    settings.retain(|(name, _)| patterns.iter().any(|pattern| glob::matches(pattern, name.as_bytes())));
    Reply::Map(settings.into_iter().map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
}

fn set(host: &dyn Host, sub: &Subcommand<'_>) -> Result<Reply, Error> {
    let (pairs, []) = sub.at_least(2)?.as_chunks() else { return Err(sub.wrong_count()) };
    let mut wanted: Vec<(String, String)> = Vec::new();
    for [name, value] in pairs {
        let name = shown(name).to_ascii_lowercase();
        if wanted.iter().any(|(other, _)| *other == name) {
            return Err(Error::caller(format!(
                "CONFIG SET failed (possibly related to argument '{name}') - duplicate parameter"
            )));
        }
        wanted.push((name, String::from_utf8_lossy(value).into_owned()));
    }
    let before = host.config();
    for (at, (name, value)) in wanted.iter().enumerate() {
        if let Err(refused) = host.set_config(name, value) {
            restore(host, &before, &wanted[..at]);
            return Err(refused);
        }
    }
    Ok(Reply::OK)
}

/// Takes back settings that were changed before one was refused: all of them change or none.
fn restore(host: &dyn Host, before: &[(String, String)], changed: &[(String, String)]) {
    for (name, old) in before.iter().filter(|(name, _)| changed.iter().any(|(other, _)| other == name)) {
        // The first refusal is what the client is told; a setting that took a value takes its old one again.
        let _ = host.set_config(name, old);
    }
}

const HELP: &[&str] = &[
    "CONFIG subcommand ...:",
    "GET pattern [pattern ...] -- settings whose names match",
    "SET name value [name value ...] -- changes settings, all or none",
    "RESETSTAT -- counts of INFO start again from 0",
    "HELP -- this text",
];

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn settings_are_found_by_pattern() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("CONFIG GET MAX*"), "{maxclients=100}");
        assert_eq!(paris.run("CONFIG GET timeout maxclients time*"), "{maxclients=100 timeout=0}");
        assert_eq!(paris.run("CONFIG GET nothing"), "{}");
        assert_eq!(paris.run("CONFIG GET"), "ERR wrong number of arguments for 'config|get' command");
    }

    #[test]
    fn all_settings_change_or_none() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("CONFIG SET Timeout 7"), "OK");
        assert_eq!(paris.run("CONFIG GET timeout"), "{timeout=7}");
        assert_eq!(
            paris.run("CONFIG SET timeout 9 maxclients 5"),
            "ERR CONFIG SET failed - 'maxclients' can not be changed in a test"
        );
        assert_eq!(paris.run("CONFIG GET timeout"), "{timeout=7}");
    }

    #[test]
    fn what_may_not_change_is_refused() {
        let mut paris = Replica::new(1);
        assert_eq!(
            paris.run("CONFIG SET timeout 1 TIMEOUT 2"),
            "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter"
        );
        assert_eq!(paris.run("CONFIG SET timeout"), "ERR wrong number of arguments for 'config|set' command");
        assert_eq!(paris.run("CONFIG RESETSTAT"), "OK");
        assert_eq!(
            paris.run("CONFIG REWRITE"),
            "ERR command 'CONFIG REWRITE' is not offered: a node never writes its own configuration file"
        );
        assert_eq!(paris.run("CONFIG FOO"), "ERR unknown subcommand 'FOO'. Try CONFIG HELP.");
    }
}
