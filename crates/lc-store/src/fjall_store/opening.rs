//! Opening a store some of whose files have rotted. A table whose file cannot be opened is written anew from its blocks, under its number, so
//! that everything else is as it was; rows that it does not give back lie in gaps that are remembered until the store was rebuilt without
//! them. If that does not help, the whole store may be put aside for an empty one, with a copy of the rows that are worth most.
//!
//! A crash between any two steps finds either the old file or the new one, and gaps are durable before the new one is.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fjall::LsmError;
use xxhash_rust::xxh3::xxh3_128;

use super::aside::{AsidePlace, notes, sync_dir, write_file, write_notes};
use super::table_file::{is_well, write_anew};
use super::{FjallOptions, FjallStore, Open, is_full, is_unreadable, unread};
use crate::{Aside, Error, Gap, Row, Store};

impl FjallStore {
    /// As [`FjallStore::open`], but mends what can be mended of table files whose index or notes cannot be read: of all tables if they are not
    /// too large for looking at each, otherwise if the store cannot be opened.
    /// [`Store::aside`] says what was put aside
    /// and what may be lacking. Rows whose keys begin with `noted` are copied after each commit, so that they survive the store.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if that was not enough, [`Error::Full`] if there was no room for it.
    pub fn open_mending(dir: &Path, options: &FjallOptions, noted: &'static [u8]) -> Result<FjallStore, Error> {
        let place = AsidePlace::of(dir);
        mend_version(dir).map_err(failed_io(OPENING))?;
        if table_bytes(dir).map_err(failed_io(OPENING))? <= LOOKED_AT_BYTES_MAX {
            mend_tables(dir, &place)?;
        }
        let open = match Open::read(dir, options, noted) {
            Err(error @ Error::Corrupt { .. }) => {
                if mend_tables(dir, &place)? == 0 {
                    return Err(error);
                }
                Open::read(dir, options, noted)?
            }
            outcome => outcome?,
        };
        let keyspace = number_in(open.rows.path());
        let gaps = place.gaps().map_err(failed_io("read what was lost"))?;
        let mut gaps: Vec<Gap> =
            gaps.into_iter().filter(|(of, _)| Some(*of) == keyspace).flat_map(|(_, gaps)| gaps).collect();
        Gap::join(&mut gaps);
        let is_empty = open.rows.first_key_value().is_none();
        let lost = match is_empty {
            true => place.notes_of_store().map_err(failed_io("read the notes of a store"))?,
            false => None,
        };
        let files = place.files().map_err(failed_io("list what was put aside"))?;
        let store = FjallStore {
            noted: Some(noted),
            aside: Aside { files, gaps, lost }.into(),
            ..FjallStore::with(dir, options, open)
        };
        store.copy_notes();
        Ok(store)
    }

    /// The copy of the noted rows of the store in `dir`, as of its last commit or the one before; `None` if there is none that can be read.
    ///
    /// # Errors
    /// The disk does not let it be read, for another reason than rot.
    pub fn notes(dir: &Path) -> Result<Option<Vec<Row>>, Error> {
        notes(dir).map_err(failed_io("read the notes of a store"))
    }

    /// Puts a store aside that is not open; the next to open it finds an empty one, and in [`Store::aside`] the noted rows. At most one is kept there.
    ///
    /// # Errors
    /// It could not be moved; it is where it was, or aside.
    pub fn put_aside(dir: &Path) -> Result<(), Error> {
        AsidePlace::of(dir).put_store().map_err(failed_io("put the record store aside"))
    }

    pub(super) fn aside_now(&self) -> Aside {
        self.aside.lock().clone()
    }

    pub(super) fn drop_aside_now(&self) -> Result<(), Error> {
        AsidePlace::of(&self.dir).drop_all().map_err(failed_io("remove what was put aside"))?;
        *self.aside.lock() = Aside::default();
        Ok(())
    }

    /// A copy that is older than the rows is not wrong, as who uses it has no rows; but the journal may be dropped up to what this one says.
    pub(super) fn copy_notes(&self) {
        let Some(noted) = self.noted else { return };
        let mut rows = Vec::new();
        for row in self.look(noted, None, false) {
            match row {
                Ok((key, value)) if key.starts_with(noted) && rows.len() < NOTES_MAX => rows.push((key, value)),
                Ok((key, _)) if !key.starts_with(noted) => break,
                _ => {
                    drop(std::fs::remove_file(self.dir.join("notes")));
                    return;
                }
            }
        }
        if !rows.is_empty() && write_notes(&self.dir, &rows).is_err() {
            drop(std::fs::remove_file(self.dir.join("notes")));
        }
    }
}

impl Open {
    /// As [`Open::again`], and tells what has rotted from what is wrong otherwise.
    pub(super) fn checked(dir: &Path, options: &FjallOptions) -> Result<Open, Error> {
        {
            let _lock = lock(dir).map_err(failed_io(OPENING))?;
            let keyspaces = keyspaces(dir).map_err(failed_io(OPENING))?;
            if !keyspaces.is_empty() && !dir.join("version").try_exists().map_err(failed_io(OPENING))? {
                return Err(Error::Corrupt { doing: OPENING, why: "its version is missing".to_owned() });
            }
            keyspaces.iter().try_for_each(|keyspace| current_tables(keyspace).map(drop))?;
        }
        match catch_unwind(AssertUnwindSafe(|| Open::again(dir, options))) {
            Ok(outcome) => outcome.map_err(unopened),
            Err(_) => Err(Error::Corrupt { doing: OPENING, why: "its files contradict each other".to_owned() }),
        }
    }

    /// As [`Open::checked`], and the noted rows can be read.
    fn read(dir: &Path, options: &FjallOptions, noted: &[u8]) -> Result<Open, Error> {
        let open = Open::checked(dir, options)?;
        let unread = unread("read the notes");
        for guard in open.rows.prefix(noted) {
            let (key, _) = guard.into_inner().map_err(&unread)?;
            open.rows.get(key).map_err(&unread)?;
        }
        // One that is nowhere asks every table.
        open.rows.get([noted, &[0xff; 4]].concat()).map_err(&unread)?;
        Ok(open)
    }
}

/// What keeps others from changing it, which the one that was just closed may still do; `None`: there is no store.
fn lock(dir: &Path) -> io::Result<Option<File>> {
    let file = match File::options().read(true).write(true).open(dir.join("lock")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        outcome => outcome?,
    };
    for _ in 0..super::REOPEN_TRIES_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => lc_env::pause(super::REOPEN_WAIT),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another process uses it"))
}

fn table_bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for keyspace in keyspaces(dir)? {
        let tables = match std::fs::read_dir(keyspace.join("tables")) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            outcome => outcome?,
        };
        for table in tables {
            bytes += table?.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    Ok(bytes)
}

/// Writes the mark of the engine's format anew, if it is none of any release, beside lists of tables that can be read.
fn mend_version(dir: &Path) -> io::Result<()> {
    let _lock = lock(dir)?;
    let found = match std::fs::read(dir.join("version")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if is_unreadable(&error) => Vec::new(),
        outcome => outcome?,
    };
    // Another number may be a later release's.
    let of_a_release = found.len() == FORMAT.len() && found[..3] == FORMAT[..3];
    let lists = keyspaces(dir)?;
    if of_a_release || lists.is_empty() || lists.iter().any(|keyspace| current_tables(keyspace).is_err()) {
        return Ok(());
    }
    write_file(dir, "version", FORMAT)
}

/// Writes the tables anew that cannot be opened; says how many. Where that cannot be done, opening the store tells whether it matters.
fn mend_tables(dir: &Path, place: &AsidePlace) -> Result<usize, Error> {
    let _lock = lock(dir).map_err(failed_io(OPENING))?;
    let mut mended = 0;
    for keyspace in keyspaces(dir).map_err(failed_io(OPENING))? {
        match mend_tables_of(&keyspace, place, &mut mended) {
            Err(Error::Corrupt { .. }) => {}
            outcome => outcome?,
        }
    }
    Ok(mended)
}

fn mend_tables_of(keyspace: &Path, place: &AsidePlace, mended: &mut usize) -> Result<(), Error> {
    let number = number_in(keyspace).unwrap_or_default();
    for (table, checksum) in current_tables(keyspace)? {
        let file = keyspace.join("tables").join(table.to_string());
        if !is_well(&file, checksum) {
            mend_table(place, number, table, &file)?;
            *mended += 1;
        }
    }
    Ok(())
}

fn mend_table(place: &AsidePlace, keyspace: u64, table: u64, file: &Path) -> Result<(), Error> {
    let io = failed_io("write a table anew");
    let (draft, scratch) = (place.draft("table").map_err(&io)?, place.draft("blocks").map_err(&io)?);
    let gaps = match write_anew(file, table, &draft, &scratch) {
        Ok(Some(gaps)) if is_well(&draft, 0) => gaps,
        // The engine's own list of keyspaces has to be whole.
        Ok(_) => return Err(nothing_left(keyspace, table)),
        Err(error) => return Err(unopened(fjall::Error::Storage(error))),
    };
    if !gaps.is_empty() {
        if keyspace == LIST_OF_KEYSPACES {
            return Err(nothing_left(keyspace, table));
        }
        place.add_gaps(keyspace, gaps).map_err(&io)?;
    }
    let aside = place.table(keyspace, table).map_err(&io)?;
    let kept = match std::fs::hard_link(file, &aside) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Not all file systems can.
        Err(_) => std::fs::copy(file, &aside).map(drop),
        done => done,
    };
    // Its bytes may not be readable; then it is only replaced.
    drop(kept);
    std::fs::rename(&draft, file).map_err(&io)?;
    sync_dir(file.parent()).map_err(&io)
}

fn nothing_left(keyspace: u64, table: u64) -> Error {
    Error::Corrupt { doing: OPENING, why: format!("too much of table {table} of keyspace {keyspace} has rotted") }
}

/// The tables of a keyspace, with what they were written with. What lists them has a checksum that the engine does not compare.
fn current_tables(keyspace: &Path) -> Result<Vec<(u64, u128)>, Error> {
    let rotten = || Error::Corrupt {
        doing: OPENING,
        why: format!("the list of the tables in {} is not what was written", keyspace.display()),
    };
    let current = match std::fs::read(keyspace.join("current")) {
        // It was being made when a crash came.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if is_unreadable(&error) => return Err(rotten()),
        outcome => outcome.map_err(failed_io(OPENING))?,
    };
    let number: [u8; 8] = current.get(..8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(rotten)?;
    let checksum: [u8; 16] = current.get(8..24).and_then(|bytes| bytes.try_into().ok()).ok_or_else(rotten)?;
    let path = keyspace.join(format!("v{}", u64::from_le_bytes(number)));
    let list = match std::fs::read(&path) {
        // Of a keyspace that is being removed, or the engine will not open it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if is_unreadable(&error) => return Err(rotten()),
        outcome => outcome.map_err(failed_io(OPENING))?,
    };
    if current.get(24) == Some(&XXH3) && xxh3_128(&list) != u128::from_le_bytes(checksum) {
        return Err(rotten());
    }
    let recorded = catch_unwind(AssertUnwindSafe(|| {
        let archive = sfa::Reader::new(&path).ok()?;
        let section = archive.toc().section(b"tables")?;
        let from = usize::try_from(section.pos()).ok()?;
        tables_in(list.get(from..from.checked_add(usize::try_from(section.len()).ok()?)?)?)
    }));
    recorded.ok().flatten().ok_or_else(rotten)
}

/// Levels of runs of tables, all of them counted.
fn tables_in(mut bytes: &[u8]) -> Option<Vec<(u64, u128)>> {
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at_checked(count)?;
        bytes = rest;
        Some(taken)
    };
    let mut tables = Vec::new();
    for _ in 0..take(1)?[0] {
        for _ in 0..take(1)?[0] {
            for _ in 0..u32::from_le_bytes(take(4)?.try_into().ok()?) {
                let table = take(TABLE_BYTES)?;
                let number = u64::from_le_bytes(table[..8].try_into().ok()?);
                tables.push((number, u128::from_le_bytes(table[9..25].try_into().ok()?)));
            }
        }
    }
    Some(tables)
}

fn keyspaces(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let listed = match std::fs::read_dir(dir.join("keyspaces")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome?,
    };
    let mut found = listed.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    found.retain(|path| number_in(path).is_some());
    found.sort();
    Ok(found)
}

fn number_in(keyspace: &Path) -> Option<u64> {
    keyspace.file_name()?.to_str()?.parse().ok()
}

fn unopened(error: fjall::Error) -> Error {
    match &error {
        fjall::Error::Io(source) | fjall::Error::Storage(LsmError::Io(source)) if is_full(source) => {
            Error::Full { doing: OPENING }
        }
        fjall::Error::Io(source) | fjall::Error::Storage(LsmError::Io(source))
            if !is_unreadable(source) && source.kind() != ErrorKind::NotFound =>
        {
            Error::Engine { doing: OPENING, why: error.to_string() }
        }
        fjall::Error::InvalidVersion(_) | fjall::Error::Storage(LsmError::InvalidVersion(_)) => {
            Error::Engine { doing: OPENING, why: format!("{error}: {OTHER_FORMAT}") }
        }
        fjall::Error::Locked => Error::Engine { doing: OPENING, why: error.to_string() },
        _ => Error::Corrupt { doing: OPENING, why: error.to_string() },
    }
}

fn failed_io(doing: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| match () {
        () if is_full(&error) => Error::Full { doing },
        () if is_unreadable(&error) => Error::Corrupt { doing, why: error.to_string() },
        () => Error::Engine { doing, why: error.to_string() },
    }
}

const OPENING: &str = "open the record store";
/// What the file `version` holds.
const FORMAT: &[u8] = b"FJL\x03";
const OTHER_FORMAT: &str = "its format is none that this release reads: start the release that wrote it; if no other has, one byte of the file \
                            `version` in `records` has rotted, which is to hold FJL and a byte 3";
/// fjall's first keyspace.
const LIST_OF_KEYSPACES: u64 = 0;
/// Of a hundredth of that, indexes and filters, each byte is read: a second.
const LOOKED_AT_BYTES_MAX: u64 = 16 << 30;
/// How it names the checksum.
const XXH3: u8 = 0;
/// Number, kind of the checksum, checksum, and the sequence of its rows.
const TABLE_BYTES: usize = 8 + 1 + 16 + 8;
/// Rows of which there are more are not copied.
const NOTES_MAX: usize = 10_000;
