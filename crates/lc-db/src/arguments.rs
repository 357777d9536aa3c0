//! Reading a command's arguments.

use lc_crdt::Number;

use crate::Error;

/// A command's arguments, without its name.
pub type Args<'a> = &'a [&'a [u8]];

/// A whole number.
pub fn int(text: &[u8]) -> Result<i64, Error> {
    Number::parse_int(text).ok_or(Error::NotInteger)
}

/// A float, infinities allowed (`inf`, `+inf`, `-inf`).
pub fn float(text: &[u8]) -> Result<f64, Error> {
    Number::parse_float(text).ok_or(Error::NotFloat)
}

/// Whether an argument is `word`, in any case.
pub fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// Text for an error message: at most 128 bytes, nothing that is not printable.
pub fn shown(argument: &[u8]) -> String {
    String::from_utf8_lossy(&argument[..argument.len().min(128)]).chars().filter(|c| !c.is_control()).collect()
}
