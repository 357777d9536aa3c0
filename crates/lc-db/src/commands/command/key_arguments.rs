//! Which arguments of a command are keys.

use crate::arguments::{Args, int};
use crate::catalogue::Command;
use crate::{Error, KeySpec};

/// Whether a command never has keys.
pub(super) fn none(command: &Command) -> bool {
    command.keys == KeySpec::NONE && counted_at(command).is_none()
}

/// The keys among a command's arguments.
pub(crate) fn of<'a>(command: &Command, args: Args<'a>) -> Result<Vec<&'a [u8]>, Error> {
    let mut keys = command.keys_in(args);
    if let Some(at) = counted_at(command) {
        let invalid = || Error::caller("Invalid arguments specified for command");
        let count = args
            .get(at)
            .and_then(|count| int(count).ok())
            .and_then(|count| usize::try_from(count).ok())
            .ok_or_else(invalid)?;
        let counted = count.checked_add(at + 1).and_then(|end| args.get(at + 1..end));
        keys.extend(counted.filter(|counted| !counted.is_empty()).ok_or_else(invalid)?);
    }
    Ok(keys)
}

/// Where, among the arguments, it stands how many keys follow; the syntax says so.
pub(super) fn counted_at(command: &Command) -> Option<usize> {
    command.syntax.split_whitespace().position(|word| word == "numkeys")
}
