//! `SETRANGE`: overwrites a part of a string.

use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "setrange",
    arity: Arity::Exactly(3),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key offset value",
    summary: "Overwrites bytes of a string from an offset, padding it with zero bytes; answers the new length.",
    concurrent: "It is a SET of the whole new text: of two concurrent uses the highest (hybrid logical clock, replica) is shown, without the other's bytes.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, part) = (args[0], args[2]);
    let offset = usize::try_from(int(args[1])?).map_err(|_| Error::caller("offset is out of range"))?;
    let old = txn.view().string(key)?;
    let old_length = old.as_ref().map_or(0, |value| value.len());
    if part.is_empty() {
        return Ok(Reply::count(old_length));
    }
    let end = offset.saturating_add(part.len());
    if end > txn.bounds().value_bytes_max {
        return Err(Error::caller("string exceeds maximum allowed size (proto-max-bulk-len)"));
    }
    let expiry = if old.is_some() { Expiry::Keep } else { Expiry::Never };
    let mut value = old.unwrap_or_default().to_vec();
    value.resize(old_length.max(end), 0);
    value[offset..end].copy_from_slice(part);
    txn.set_string(key, &value, expiry)?;
    Ok(Reply::count(value.len()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_part_is_overwritten_and_gaps_are_zero() {
        let mut paris = Replica::new(1);
        paris.run("SET a \"Hello World\" EX 9");
        assert_eq!(paris.run("SETRANGE a 6 Redis"), "11");
        assert_eq!((paris.run("GET a"), paris.run("TTL a")), ("Hello Redis".into(), "9".into()));
        assert_eq!(paris.run("SETRANGE b 2 x"), "3");
        assert_eq!(paris.run("GET b"), "\\x00\\x00x");
        assert_eq!(paris.run("SETRANGE none 5 \"\""), "0");
        assert_eq!(paris.run("EXISTS none"), "0");
    }

    #[test]
    fn offsets_are_checked_before_memory_is_taken() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SETRANGE a -1 x"), "ERR offset is out of range");
        assert_eq!(
            paris.run("SETRANGE a 9223372036854775807 x"),
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
        );
        assert_eq!(paris.run("SETRANGE a x x"), "ERR value is not an integer or out of range");
    }

    #[test]
    fn of_two_concurrent_parts_the_later_text_is_shown() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a ----");
        tokyo.pull(&paris);
        tokyo.now_ms += 1;
        paris.run("SETRANGE a 0 P");
        tokyo.run("SETRANGE a 3 T");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("---T".into(), "---T".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
