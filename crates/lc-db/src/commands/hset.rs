//! `HSET`, `HMSET`: fields of a hash.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static HSET: Command = Command {
    name: "hset",
    arity: Arity::AtLeast(3),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field value [field value ...]",
    summary: "Sets fields of a hash; answers how many are new.",
    concurrent: "Fields merge one by one. The same field: the highest (hybrid logical clock, replica) is shown. Against HDEL or DEL: what they did not see stays.",
    run: Run::Write(|txn, args| Ok(Reply::count(set_fields(txn, args, "hset")?))),
};

pub(super) static HMSET: Command = Command {
    name: "hmset",
    arity: Arity::AtLeast(3),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field value [field value ...]",
    summary: "Sets fields of a hash, as HSET does; answers OK.",
    concurrent: "Fields merge one by one. The same field: the highest (hybrid logical clock, replica) is shown. Against HDEL or DEL: what they did not see stays.",
    run: Run::Write(|txn, args| set_fields(txn, args, "hmset").map(|_| Reply::OK)),
};

fn set_fields(txn: &mut Txn<'_>, args: Args<'_>, command: &'static str) -> Result<usize, Error> {
    let (key, words) = (args[0], &args[1..]);
    let (pairs, []) = words.as_chunks::<2>() else { return Err(Error::Arity(command.into())) };
    txn.check_elements(key, Kind::Hash, pairs.iter().map(|&[field, value]| (field, value)))?;
    let mut added = 0;
    for [field, value] in pairs {
        added += usize::from(txn.put_element(key, Kind::Hash, field, value)?);
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn fields_are_set_and_new_ones_counted() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HSET plane tail N1 seats 2"), "2");
        assert_eq!(paris.run("HSET plane seats 3 year 1999"), "1");
        assert_eq!(paris.run("HGETALL plane"), "{seats=3 tail=N1 year=1999}");
        assert_eq!(paris.run("HMSET plane seats 4"), "OK");
        assert_eq!(paris.run("HSET plane seats 3 year"), "ERR wrong number of arguments for 'hset' command");
        paris.run("SET text 1");
        assert_eq!(paris.run("HSET text a 1"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn different_fields_from_two_regions_stand_side_by_side() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("HSET plane tail N1 seats 2");
        tokyo.now_ms += 1;
        tokyo.run("HSET plane seats 3 year 1999");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("HGETALL plane"), "{seats=3 tail=N1 year=1999}");
    }

    #[test]
    fn a_fresh_hash_does_not_take_over_the_expiry_of_a_deleted_one() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET plane 1 PX 50");
        tokyo.pull(&paris);
        paris.run("DEL plane");
        tokyo.run("EXPIRE plane 100");
        settle(&mut [&mut paris, &mut tokyo]);
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("TTL plane"), "-1");
        settle(&mut [&mut paris, &mut tokyo]);
    }
}
