//! Keys that come after their number, as `SINTERCARD`, `ZUNION` and `ZMPOP` take them.

use crate::Error;
use crate::arguments::{Args, int, is};

/// Splits `numkeys key [key ...] rest` into keys and rest. `missing` is what to say of a number that is no number or
/// below one, `short` of one that goes past the end.
pub(super) fn split<'a>(args: Args<'a>, missing: Error, short: Error) -> Result<(Args<'a>, Args<'a>), Error> {
    let (number, words) = args.split_first().ok_or(Error::Syntax)?;
    let number = int(number).ok().filter(|&number| number > 0).ok_or(missing)?;
    usize::try_from(number).ok().and_then(|number| words.split_at_checked(number)).ok_or(short)
}

/// Reads an optional `LIMIT n`.
pub(super) fn limit(words: Args<'_>) -> Result<usize, Error> {
    match words {
        [] => Ok(usize::MAX),
        [word, number] if is(word, "limit") => limit_number(number),
        _ => Err(Error::Syntax),
    }
}

/// Where counting an intersection may end; 0 means nowhere.
pub(super) fn limit_number(text: &[u8]) -> Result<usize, Error> {
    let number = int(text).ok().filter(|&number| number >= 0).ok_or(Error::caller("LIMIT can't be negative"))?;
    Ok(if number == 0 { usize::MAX } else { usize::try_from(number).unwrap_or(usize::MAX) })
}

/// What Redis says of a number of keys below one.
pub(super) const NUMBER_MISSING: &str = "numkeys should be greater than 0";
