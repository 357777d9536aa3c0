//! `HINCRBYFLOAT`: adds a decimal to a field.

use lc_crdt::{Kind, Number};

use crate::arguments::{Args, float};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "hincrbyfloat",
    arity: Arity::Exactly(3),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field increment",
    summary: "Adds a decimal to a hash field; a missing field counts as 0.",
    concurrent: "As HINCRBY: increments add up, and what another write did not see of them remains.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, field, by) = (args[0], args[1], float(args[2])?);
    if !by.is_finite() {
        return Err(Error::caller("value is NaN or Infinity"));
    }
    let current = match txn.view().field(key, field)? {
        Some(text) => Number::parse(&text).ok_or(Error::caller("hash value is not a float"))?.as_f64(),
        None => 0.0,
    };
    if !(current + by).is_finite() {
        return Err(Error::caller("increment would produce NaN or Infinity"));
    }
    txn.add_element(key, Kind::Hash, field, Number::Float(by))?;
    // Read back: the answer must be the text that HGET gives.
    Ok(Reply::bulk_or_nil(txn.view().field(key, field)?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn decimals_add_up_and_read_as_a_person_would_write_them() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        assert_eq!(paris.run("HINCRBYFLOAT plane fuel 0.1"), "0.1");
        assert_eq!(tokyo.run("HINCRBYFLOAT plane fuel 0.2"), "0.2");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("HGET plane fuel"), "0.3");
        paris.run("HSET plane fuel 5.0e3");
        assert_eq!(paris.run("HINCRBYFLOAT plane fuel 200"), "5200");
    }

    #[test]
    fn what_is_no_float_is_refused() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1 big 1e308");
        assert_eq!(paris.run("HINCRBYFLOAT plane tail 1"), "ERR hash value is not a float");
        assert_eq!(paris.run("HINCRBYFLOAT plane big 1.7e308"), "ERR increment would produce NaN or Infinity");
        assert_eq!(paris.run("HINCRBYFLOAT plane big inf"), "ERR value is NaN or Infinity");
        assert_eq!(paris.run("HINCRBYFLOAT plane big x"), "ERR value is not a valid float");
    }
}
