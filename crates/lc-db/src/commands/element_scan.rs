//! A page of a collection's elements, for `HSCAN`, `SSCAN` and `ZSCAN`.

use lc_crdt::{Cell, Kind};

use super::scan_options::{self, ScanOptions};
use crate::arguments::Args;
use crate::{Error, Reply, View};

/// Answers `key cursor [MATCH pattern] [COUNT count]`; `show` appends what the reply has of one element.
pub(super) fn run(
    view: &View<'_>,
    args: Args<'_>,
    kind: Kind,
    show: fn(&[u8], &Cell, &mut Vec<Reply>),
) -> Result<Reply, Error> {
    let (key, cursor) = (args[0], scan_options::cursor(args[1])?);
    let options = ScanOptions::for_elements(&args[2..])?;
    let length = view.length(key, kind)?;
    let mut page = if length <= WHOLE_ELEMENTS_MAX { options.whole_page(view) } else { options.page(view) };
    let (mut found, mut full) = (Vec::new(), Ok(()));
    if let Some(cursor) = cursor {
        view.each_element(key, kind, cursor, &mut |hash, field, cell| {
            if !page.takes(hash) {
                return false;
            }
            if options.accepts(field) {
                let bytes = field.len() + cell.winner().map_or(0, |sibling| sibling.value.len());
                page.found(bytes);
                full = view.take(bytes);
                show(field, &cell, &mut found);
            }
            full.is_ok()
        })?;
        full?;
    }
    Ok(page.reply(found))
}

/// A collection of this size or smaller comes in one page whatever `COUNT` says, as with Redis' compact encodings.
const WHOLE_ELEMENTS_MAX: u64 = 128;

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    /// Everything that a scan gives from the start to cursor 0, and how many pages it took.
    fn scan_all(paris: &mut Replica, command: &str) -> (Vec<String>, usize) {
        let (mut cursor, mut found, mut pages) = ("0".to_owned(), Vec::new(), 0);
        loop {
            let reply = paris.run(&command.replace("CURSOR", &cursor));
            let (next, items) = reply.trim_start_matches('[').trim_end_matches(']').split_once(" [").unwrap();
            found.extend(items.split_whitespace().map(str::to_owned));
            pages += 1;
            cursor = next.to_owned();
            if cursor == "0" {
                return (found, pages);
            }
        }
    }

    #[test]
    fn a_large_set_comes_in_pages_each_member_once() {
        let mut paris = Replica::new(1);
        for number in 0..1_000 {
            paris.run(&format!("SADD numbers {number}"));
        }
        let (mut found, pages) = scan_all(&mut paris, "SSCAN numbers CURSOR COUNT 100");
        assert_eq!(pages, 10);
        found.sort_by_key(|number| number.parse::<u32>().unwrap());
        assert_eq!(found, (0..1_000).map(|number| number.to_string()).collect::<Vec<_>>());
        let (found, pages) = scan_all(&mut paris, "SSCAN numbers CURSOR MATCH 99?");
        assert_eq!((found.len(), pages), (10, 100));
    }

    #[test]
    fn members_that_stay_are_found_while_others_come_and_go() {
        let mut paris = Replica::new(1);
        for number in 0..500 {
            paris.run(&format!("HSET numbers {number} {number}"));
        }
        let (mut cursor, mut found) = ("0".to_owned(), std::collections::BTreeSet::new());
        for round in 0.. {
            let reply = paris.run(&format!("HSCAN numbers {cursor} COUNT 20"));
            let (next, items) = reply.trim_start_matches('[').trim_end_matches(']').split_once(" [").unwrap();
            found.extend(items.split_whitespace().map(str::to_owned));
            paris.run(&format!("HDEL numbers {}", 400 + round));
            paris.run(&format!("HSET numbers new{round} 1"));
            cursor = next.to_owned();
            if cursor == "0" {
                break;
            }
        }
        assert!((0..400).all(|number| found.contains(&number.to_string())));
    }
}
