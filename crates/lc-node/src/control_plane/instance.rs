//! Which data directory this is.

use lc_env::{Disk, Random, RealRandom};

use crate::Error;

/// The random number of a data directory, made once. A copy of the directory, such as one put back from a backup, is
/// another directory: what the first one wrote since may be known to others.
pub(super) fn instance(disk: &dyn Disk) -> Result<u64, Error> {
    let names = disk.list()?;
    if !names.iter().any(|name| name == PLACE_FILE) {
        disk.write_atomic(PLACE_FILE, PLACE_TEXT)?;
    }
    let here = disk.mark(PLACE_FILE)?;
    if names.iter().any(|name| name == INSTANCE_FILE) {
        let text = String::from_utf8_lossy(&disk.read(INSTANCE_FILE)?).trim().to_owned();
        let (instance, place) = parsed_instance(&text).ok_or(Error::Instance(text))?;
        if place == Some(here) {
            return Ok(instance);
        }
        // Without a place it was made by an earlier release, and is taken for what it says.
        if place.is_none() && names.iter().all(|name| name != PLACE_FILE) {
            disk.write_atomic(INSTANCE_FILE, format!("{instance:016x} {here:016x}\n").as_bytes())?;
            return Ok(instance);
        }
        tracing::warn!("this data directory is a copy of one that was elsewhere: it is another data directory");
    }
    let instance = RealRandom.u64();
    disk.write_atomic(INSTANCE_FILE, format!("{instance:016x} {here:016x}\n").as_bytes())?;
    Ok(instance)
}

/// The number, and the mark of the place file when it was written.
fn parsed_instance(text: &str) -> Option<(u64, Option<u64>)> {
    let mut words = text.split_whitespace().map(|word| u64::from_str_radix(word, 16));
    let instance = words.next()?.ok()?;
    let place = words.next().transpose().ok()?;
    words.next().is_none().then_some((instance, place))
}

const INSTANCE_FILE: &str = "instance";
/// Told from its copies by the file system.
const PLACE_FILE: &str = "place";
const PLACE_TEXT: &[u8] = b"This file stays where it is: a copy of it marks a copy of the data directory.\n";
