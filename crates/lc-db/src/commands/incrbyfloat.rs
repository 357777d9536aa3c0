//! `INCRBYFLOAT`: adds a decimal number to a counter.

use lc_crdt::Number;

use crate::arguments::{Args, float};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "incrbyfloat",
    arity: Arity::Exactly(2),
    group: Group::Counters,
    keys: KeySpec::FIRST,
    syntax: "key increment",
    summary: "Adds a decimal number to a counter and answers the sum, to 15 significant digits.",
    concurrent: "As INCR: they add up, in the same order everywhere, so that all regions show the same digits.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, by) = (args[0], args[1]);
    let current = txn.view().string(key)?;
    let current = current.as_deref().unwrap_or(b"0");
    let sum = float(current)? + float(by)?;
    if !sum.is_finite() {
        return Err(Error::caller("increment would produce NaN or Infinity"));
    }
    txn.add_string(key, amount(current, by)?)?;
    Ok(Reply::bulk_or_nil(txn.view().string(key)?))
}

/// Whole numbers stay whole as long as both are and the sum fits: a float would be exact only up to 2^53.
fn amount(current: &[u8], by: &[u8]) -> Result<Number, Error> {
    match (Number::parse_int(current), Number::parse_int(by)) {
        (Some(before), Some(by)) if before.checked_add(by).is_some() => Ok(Number::Int(by)),
        _ => float(by).map(Number::Float),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn sums_read_as_decimals() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("INCRBYFLOAT a 0.1"), "0.1");
        assert_eq!(paris.run("INCRBYFLOAT a 0.2"), "0.3");
        assert_eq!(paris.run("INCRBYFLOAT a -1.3"), "-1");
        paris.run("SET a 5.0e3");
        assert_eq!(paris.run("INCRBYFLOAT a 2.0e2"), "5200");
        assert_eq!(paris.run("INCR a"), "5201");
        paris.run("SET whole 9007199254740993");
        assert_eq!(paris.run("INCRBYFLOAT whole 1"), "9007199254740994");
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let mut paris = Replica::new(1);
        paris.run("SET name ada");
        assert_eq!(paris.run("INCRBYFLOAT name 1"), "ERR value is not a valid float");
        assert_eq!(paris.run("INCRBYFLOAT a x"), "ERR value is not a valid float");
        assert_eq!(paris.run("INCRBYFLOAT a nan"), "ERR value is not a valid float");
        assert_eq!(paris.run("INCRBYFLOAT a inf"), "ERR increment would produce NaN or Infinity");
        paris.run("SET big 1e308");
        assert_eq!(paris.run("INCRBYFLOAT big 1e308"), "ERR increment would produce NaN or Infinity");
        assert_eq!(paris.run("EXISTS a"), "0");
    }

    #[test]
    fn fractions_and_whole_numbers_of_two_regions_add_up() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET rain 10.5");
        tokyo.pull(&paris);
        paris.run("INCRBYFLOAT rain 0.25");
        tokyo.run("INCRBYFLOAT rain 3");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET rain"), tokyo.run("GET rain")), ("13.75".into(), "13.75".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
