//! Where bytes may be: what of an entry a region may have, decided before it leaves and again before it is kept.

use std::borrow::Cow;

use bytes::Bytes;
use lc_crdt::{Entry, Op};
use lc_policy::Tables;

/// The entry as a region of this name may have it: ops on tables that are not placed there give way to a note that there
/// were some. The note tells nothing but the table's name.
pub(crate) fn entry_for<'a>(entry: &'a Entry, tables: &Tables, region: &str) -> Cow<'a, Entry> {
    let kept = |key: &Bytes| tables.may_receive(region, key);
    let whole = tables.not_received_in(region).next().is_none() || entry.ops.iter().all(|op| is_whole(op, &kept));
    if whole {
        return Cow::Borrowed(entry);
    }
    let (mut ops, mut withheld): (Vec<Op>, Vec<Op>) = (Vec::new(), Vec::new());
    let mut withhold = |key: &Bytes| {
        let table = tables.of_key(key);
        let note = Op::Withheld { table: table.name.clone().into(), version: table.placement_version };
        if !withheld.contains(&note) {
            withheld.push(note);
        }
    };
    for op in &entry.ops {
        match op {
            Op::Clear { resets } => {
                resets.iter().filter(|reset| !kept(&reset.at.key)).for_each(|reset| withhold(&reset.at.key));
                let resets = resets.iter().filter(|reset| kept(&reset.at.key)).cloned().collect();
                ops.push(Op::Clear { resets });
            }
            op => match op.key() {
                Some(key) if !kept(key) => withhold(key),
                _ => ops.push(op.clone()),
            },
        }
    }
    ops.extend(withheld.into_iter().filter(|note| !entry.ops.contains(note)));
    Cow::Owned(Entry { dot: entry.dot, prev_seq: entry.prev_seq, hlc: entry.hlc, deps: entry.deps.clone(), ops })
}

/// The same with its bytes; `None`: the entry goes as it is.
pub(crate) fn stripped(entry: &Entry, tables: &Tables, region: &str) -> Option<(Entry, Bytes)> {
    let Cow::Owned(stripped) = entry_for(entry, tables, region) else { return None };
    let mut bytes = Vec::new();
    stripped.encode(&mut bytes);
    Some((stripped, bytes.into()))
}

fn is_whole(op: &Op, kept: &impl Fn(&Bytes) -> bool) -> bool {
    match op {
        Op::Clear { resets } => resets.iter().all(|reset| kept(&reset.at.key)),
        op => op.key().is_none_or(kept),
    }
}

/// Whether an entry that was stripped for somebody lacks something that a region of this name should have.
pub(crate) fn lacks_for(entry: &Entry, tables: &Tables, region: &str) -> bool {
    notes(entry).any(|(table, _)| holds(tables, region, table))
}

/// Whether a receiver in this region knows why the entry comes without some of its ops: it has the version of the
/// catalogue by which they were withheld, and does not hold those tables itself.
pub(crate) fn is_understood(entry: &Entry, tables: &Tables, region: &str) -> bool {
    notes(entry).all(|(table, version)| version <= tables.version && !holds(tables, region, table))
}

fn notes(entry: &Entry) -> impl Iterator<Item = (&[u8], u64)> {
    entry.ops.iter().filter_map(|op| match op {
        Op::Withheld { table, version } => Some((table.as_ref(), *version)),
        _ => None,
    })
}

/// A table that nobody declares any more is held wherever the default one is.
fn holds(tables: &Tables, region: &str, table: &[u8]) -> bool {
    let named = std::str::from_utf8(table).ok().and_then(|name| tables.named(name));
    named.unwrap_or_else(|| tables.of_key(b"")).receives(region)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::Bytes;
    use lc_core::{Dot, Hlc, ReplicaId, VersionVector};
    use lc_crdt::{Address, ElementReset, Entry, Number, Op, Reset};
    use lc_policy::{Placement, Policy, Table, Tables};

    use super::{entry_for, is_understood, lacks_for};

    fn tables(version: u64) -> Tables {
        let placement = Placement::Regions(vec!["paris".to_owned(), "rome".to_owned()]);
        let policy = Policy { placement, ..Policy::default() };
        Tables::new(
            version,
            vec![Table { name: "eu".to_owned(), version: 1, policy, placement_version: 7, target: None }],
        )
    }

    fn put(key: &'static str) -> Op {
        let at = Address::string(Bytes::from_static(key.as_bytes()));
        Op::Put { at, value: Bytes::from_static(b"secret"), expires_ms: None, resets: Vec::new() }
    }

    fn entry(ops: Vec<Op>) -> Entry {
        Entry { dot: Dot::new(ReplicaId(1), 3), prev_seq: 2, hlc: Hlc(9), deps: VersionVector::new(), ops }
    }

    fn note() -> Op {
        Op::Withheld { table: Bytes::from_static(b"eu"), version: 7 }
    }

    #[test]
    fn what_a_region_may_not_have_gives_way_to_one_note() {
        let whole = entry(vec![put("eu:1"), put("all"), put("eu:2")]);
        assert!(matches!(entry_for(&whole, &tables(7), "paris"), Cow::Borrowed(_)));
        let stripped = entry_for(&whole, &tables(7), "tokyo").into_owned();
        assert_eq!(stripped, entry(vec![put("all"), note()]));
        let mut bytes = Vec::new();
        stripped.encode(&mut bytes);
        assert!(!bytes.windows(4).any(|window| window == b"eu:1"));
        assert_eq!(Entry::decode(bytes.into()), Ok(stripped.clone()));
        // Passed on to somebody like it, it stays as it is.
        assert_eq!(entry_for(&stripped, &tables(7), "tokyo").into_owned(), stripped);
    }

    #[test]
    fn a_clear_tells_no_key_of_a_table_that_is_not_there() {
        let reset = |key: &'static str| ElementReset {
            at: Address::string(Bytes::from_static(key.as_bytes())),
            reset: Reset { replica: ReplicaId(2), seq: 1, total: Number::Int(1) },
        };
        let whole = entry(vec![Op::Clear { resets: vec![reset("eu:1"), reset("all")] }]);
        let stripped = entry_for(&whole, &tables(7), "tokyo").into_owned();
        assert_eq!(stripped.ops, [Op::Clear { resets: vec![reset("all")] }, note()]);
    }

    #[test]
    fn a_stripped_entry_is_for_those_only_who_know_why_and_lack_nothing() {
        let stripped = entry(vec![note()]);
        assert!(is_understood(&stripped, &tables(7), "tokyo"));
        assert!(!is_understood(&stripped, &tables(6), "tokyo"), "the catalogue here is older");
        assert!(!is_understood(&stripped, &tables(7), "paris"), "it should have come whole");
        assert!(lacks_for(&stripped, &tables(7), "paris") && !lacks_for(&stripped, &tables(7), "tokyo"));
        assert!(!is_understood(&stripped, &Tables::default(), "tokyo"));
    }
}
