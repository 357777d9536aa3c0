//! `SCAN`: all keys, a page at a time.

use crate::arguments::Args;
use crate::commands::scan_options::{ScanOptions, cursor};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "scan",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    summary: "A page of keys and the cursor of the next; 0 starts and ends. Every key that is there throughout comes once; any node of any region takes the cursor.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let cursor = cursor(args[0])?;
    let options = ScanOptions::for_keys(&args[1..])?;
    let (mut page, mut found) = (options.page(view), Vec::new());
    let Some(cursor) = cursor else { return Ok(page.reply(found)) };
    view.each_key(cursor, &mut |hash, key, head| {
        if !page.takes(hash) {
            return false;
        }
        if options.accepts(key) && head.kind().is_some_and(|kind| options.accepts_kind(kind.name())) {
            page.found(key.len());
            found.push(Reply::bulk(key));
        }
        true
    })?;
    Ok(page.reply(found))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::Reply;
    use crate::testing::{Replica, show};

    fn scan_all(replica: &mut Replica, options: &[&[u8]]) -> (BTreeSet<String>, usize) {
        let (mut cursor, mut found, mut pages) = (b"0".to_vec(), BTreeSet::new(), 0);
        loop {
            let words = [&[b"SCAN".as_slice(), &cursor], options].concat();
            let Reply::Array(page) = replica.reply(&words) else { panic!("a page") };
            let [Reply::Bulk(next), Reply::Array(keys)] = page.as_slice() else { panic!("cursor and keys") };
            for key in keys {
                assert!(found.insert(show(key)), "{key:?} came twice");
            }
            pages += 1;
            cursor = next.to_vec();
            if cursor == b"0" {
                return (found, pages);
            }
        }
    }

    #[test]
    fn every_key_comes_once() {
        let mut paris = Replica::new(1);
        for n in 0..250 {
            paris.run(&format!("SET key:{n} x"));
        }
        let (found, pages) = scan_all(&mut paris, &[]);
        assert_eq!((found.len(), pages), (250, 25));
        let (found, pages) = scan_all(&mut paris, &[b"COUNT", b"1000"]);
        assert_eq!((found.len(), pages), (250, 1));
        let (found, _) = scan_all(&mut paris, &[b"MATCH", b"key:1?", b"COUNT", b"7"]);
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn a_type_is_a_filter() {
        let mut paris = Replica::new(1);
        paris.run("SET a x");
        paris.run("SADD s x");
        assert_eq!(paris.run("SCAN 0 TYPE set"), "[0 [s]]");
        assert_eq!(paris.run("SCAN 0 TYPE STRING MATCH ?"), "[0 [a]]");
        assert_eq!(paris.run("SCAN 0 TYPE stream"), "[0 []]");
        assert_eq!(paris.run("SCAN 18446744073709551615"), "[0 []]");
        assert_eq!(paris.run("SCAN x"), "ERR invalid cursor");
        assert_eq!(paris.run("SCAN 0 FOO x"), "ERR syntax error");
    }
}
