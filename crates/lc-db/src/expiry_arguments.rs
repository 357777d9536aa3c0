//! When a key ends, as a caller says it.

use crate::arguments::{Args, int, is};
use crate::{Error, Expiry};

/// Reads `EX n`, `PX n`, `EXAT n`, `PXAT n` or `KEEPTTL`; gives what follows.
pub(crate) fn expiry<'a>(
    word: &[u8],
    rest: Args<'a>,
    now_ms: u64,
    command: &'static str,
) -> Result<(Expiry, Args<'a>), Error> {
    if is(word, "keepttl") {
        return Ok((Expiry::Keep, rest));
    }
    let (scale, base) = match word {
        _ if is(word, "ex") => (1000, now_ms),
        _ if is(word, "px") => (1, now_ms),
        _ if is(word, "exat") => (1000, 0),
        _ if is(word, "pxat") => (1, 0),
        _ => return Err(Error::Syntax),
    };
    let (amount, rest) = rest.split_first().ok_or(Error::Syntax)?;
    Ok((Expiry::At(moment(int(amount)?, scale, base, command)?), rest))
}

/// `amount * scale + base` in Unix ms; it must be above 0 and within what 48 bits of milliseconds can say.
pub(crate) fn moment(amount: i64, scale: i64, base: u64, command: &'static str) -> Result<u64, Error> {
    let moment = amount.checked_mul(scale).and_then(|ms| ms.checked_add(base as i64));
    match moment {
        Some(ms) if amount > 0 && ms < EXPIRY_MS_MAX => Ok(ms as u64),
        _ => Err(Error::caller(format!("invalid expire time in '{command}' command"))),
    }
}

/// The year 10889, where the hybrid logical clock's milliseconds end.
pub(crate) const EXPIRY_MS_MAX: i64 = 1 << 48;
