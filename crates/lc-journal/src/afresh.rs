//! A journal that begins with nothing, after entries that are elsewhere: of a data directory made from a backup.

use std::collections::BTreeMap;

use lc_env::Disk;

use crate::Error;
use crate::format::{BEGINNING_FILE, Beginning};
use crate::segment::{Failed, Segment};

/// Makes an empty journal in `disk`, which has none: of each replica, the entries up to `before` are not in it and never will be. Durable
/// when it returns; after an error, nothing that is there is of use.
pub fn begin_after(disk: &dyn Disk, before: &BTreeMap<u16, u64>) -> Result<(), Error> {
    let beginning = Beginning { first: 0, dropped: before.clone() };
    Segment::create(disk, beginning.first).map_err(Failed::into_error)?;
    Ok(disk.write_atomic(BEGINNING_FILE, &beginning.encode())?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use lc_env::{Disk, MemoryDisk};

    use super::begin_after;
    use crate::{Journal, Options, Position};

    #[test]
    fn it_is_empty_knows_what_came_before_and_takes_entries() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        let before = BTreeMap::from([(1, 70), (66, 3)]);
        begin_after(disk.as_ref(), &before).unwrap();
        for life in 0..2 {
            let (mut journal, recovery) = Journal::open(disk.clone(), Options::default()).unwrap();
            assert_eq!((recovery.records, journal.first(), journal.truncated()), (life, Position(0), &before));
            assert_eq!(journal.last_seq(1), Some(70 + life));
            journal.append(1, 71 + life, b"entry").unwrap();
            journal.close_clean().unwrap();
        }
    }
}
