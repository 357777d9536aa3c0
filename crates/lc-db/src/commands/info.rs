//! `INFO`: what the node says of itself.

use crate::arguments::{Args, shown};
use crate::{Arity, Command, Error, Group, Host, KeySpec, Reply, Run, Session};

pub(super) static COMMAND: Command = Command {
    name: "info",
    arity: Arity::AtLeast(0),
    group: Group::Server,
    keys: KeySpec::NONE,
    syntax: "[section [section ...]]",
    summary: "Facts about the node, its peers and its records, in sections.",
    concurrent: "",
    run: Run::Session(run),
};

fn run(_session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    if args.is_empty() {
        return Ok(Reply::Text(host.info(None)));
    }
    let mut names: Vec<String> = Vec::new();
    for name in args.iter().map(|arg| shown(arg).to_ascii_lowercase()) {
        if ["all", "everything", "default"].contains(&name.as_str()) {
            return Ok(Reply::Text(host.info(None)));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let sections = names.iter().map(|name| host.info(Some(name))).filter(|text| !text.is_empty());
    Ok(Reply::Text(sections.collect::<Vec<_>>().join("\r\n")))
}

#[cfg(test)]
mod tests {
    use crate::Reply;
    use crate::testing::Replica;

    #[test]
    fn sections_are_asked_by_name() {
        let mut paris = Replica::new(1);
        let Reply::Text(all) = paris.reply(&[b"INFO"]) else { panic!("text") };
        assert!(all.starts_with("# Replica\r\n"));
        assert_eq!(paris.reply(&[b"INFO", b"replica", b"REPLICA"]), Reply::Text(all.clone()));
        assert_eq!(paris.reply(&[b"INFO", b"nothing", b"Everything"]), Reply::Text(all));
    }
}
