//! What a store keeps beside its rows for the case that they cannot be read, and where files go that cannot.
//!
//! ```text
//! records/notes            a copy of the rows that are worth most, as of the last commit
//! records-aside/tables/    table files that could not be opened: keyspace-table
//! records-aside/gaps       where rows may have been that those did not give back any more
//! records-aside/store/     a whole store that could not be opened
//! ```

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Gap, Row};

/// Where it lies.
#[derive(Clone, Debug)]
pub(super) struct AsidePlace {
    dir: PathBuf,
    place: PathBuf,
}

/// Gaps in one keyspace.
pub(super) type GapsOf = (u64, Vec<Gap>);

impl AsidePlace {
    pub(super) fn of(dir: &Path) -> AsidePlace {
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push("-aside");
        AsidePlace { dir: dir.to_owned(), place: dir.with_file_name(name) }
    }

    /// A table's file there; its directory is made if missing.
    pub(super) fn table(&self, keyspace: u64, table: u64) -> io::Result<PathBuf> {
        let dir = self.place.join("tables");
        fs::create_dir_all(&dir)?;
        sync_dir(self.place.parent())?;
        sync_dir(Some(&self.place))?;
        Ok(dir.join(format!("{keyspace}-{table}")))
    }

    /// For files that are being made.
    pub(super) fn draft(&self, name: &str) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.place)?;
        let path = self.place.join(name);
        remove_if_there(fs::remove_file(&path))?;
        Ok(path)
    }

    pub(super) fn gaps(&self) -> io::Result<Vec<GapsOf>> {
        let path = self.place.join("gaps");
        if !path.try_exists()? {
            return Ok(Vec::new());
        }
        // Without them nobody knows what the rows lack.
        let rotten = || io::Error::new(ErrorKind::InvalidData, "the list of gaps is not what was written");
        gaps_in(sealed(&path)?.ok_or_else(rotten)?).map_err(|_| rotten())
    }

    /// Notes more gaps, durably.
    pub(super) fn add_gaps(&self, keyspace: u64, gaps: Vec<Gap>) -> io::Result<()> {
        let mut all = self.gaps()?;
        all.push((keyspace, gaps));
        fs::create_dir_all(&self.place)?;
        let mut out = vec![VERSION];
        put_varint(&mut out, all.len() as u64);
        for (keyspace, gaps) in all {
            put_varint(&mut out, keyspace);
            put_varint(&mut out, gaps.len() as u64);
            for gap in gaps {
                put_bytes(&mut out, &gap.from);
                out.push(u8::from(gap.to.is_some()));
                put_bytes(&mut out, &gap.to.unwrap_or_default());
            }
        }
        write_sealed(&self.place, "gaps", out)
    }

    /// Puts the whole store there, in the place of one that is there already.
    pub(super) fn put_store(&self) -> io::Result<()> {
        fs::create_dir_all(&self.place)?;
        let to = self.place.join("store");
        // What that one's rows were worth went into this one, which is the newer one.
        remove_if_there(fs::remove_dir_all(&to))?;
        // Of tables of this one.
        remove_if_there(fs::remove_file(self.place.join("gaps")))?;
        fs::rename(&self.dir, to)?;
        sync_dir(Some(&self.place))?;
        sync_dir(self.place.parent())
    }

    /// The copied rows of the store that was put aside, if one was.
    pub(super) fn notes_of_store(&self) -> io::Result<Option<Vec<Row>>> {
        notes(&self.place.join("store"))
    }

    /// Everything there, with its bytes.
    pub(super) fn files(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        let tables = match fs::read_dir(self.place.join("tables")) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            outcome => Some(outcome?),
        };
        for file in tables.into_iter().flatten() {
            let file = file?;
            files.push((format!("tables/{}", file.file_name().to_string_lossy()), file.metadata()?.len()));
        }
        let store = self.place.join("store");
        if store.try_exists()? {
            files.push(("store".to_owned(), bytes_under(&store)?));
        }
        files.sort();
        Ok(files)
    }

    /// Removes everything there.
    pub(super) fn drop_all(&self) -> io::Result<()> {
        remove_if_there(fs::remove_dir_all(&self.place))?;
        sync_dir(self.place.parent())
    }
}

/// The copy of a store's notes; `None`: there is none that can be read.
pub(super) fn notes(dir: &Path) -> io::Result<Option<Vec<Row>>> {
    Ok(sealed(&dir.join("notes"))?.and_then(|bytes| rows_in(bytes).ok()))
}

/// Replaces that copy.
pub(super) fn write_notes(dir: &Path, rows: &[Row]) -> io::Result<()> {
    let mut out = vec![VERSION];
    put_varint(&mut out, rows.len() as u64);
    for (row, value) in rows {
        put_bytes(&mut out, row);
        put_bytes(&mut out, value);
    }
    write_sealed(dir, "notes", out)
}

fn gaps_in(bytes: Bytes) -> Result<Vec<GapsOf>, Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version(VERSION, "version of gaps")?;
    let keyspaces = reader.varint("keyspaces with gaps")?;
    let mut of_keyspace = |_| {
        let keyspace = reader.varint("keyspace")?;
        let count = reader.varint("count of gaps")?;
        let gap = |_| {
            let from = reader.bytes(FILE_BYTES_MAX, "beginning of a gap")?;
            let ends = reader.byte("whether a gap ends")? != 0;
            let to = reader.bytes(FILE_BYTES_MAX, "end of a gap")?;
            Ok(Gap { from, to: ends.then_some(to) })
        };
        Ok((keyspace, (0..count).map(gap).collect::<Result<_, Malformed>>()?))
    };
    (0..keyspaces).map(&mut of_keyspace).collect()
}

fn rows_in(bytes: Bytes) -> Result<Vec<Row>, Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version(VERSION, "version of notes")?;
    let count = reader.varint("count of notes")?;
    let mut row = |_| Ok((reader.bytes(FILE_BYTES_MAX, "a note's key")?, reader.bytes(FILE_BYTES_MAX, "a note")?));
    (0..count).map(&mut row).collect()
}

/// What a file holds that ends with the checksum of all before; `None`: it is not there, or rotted.
fn sealed(path: &Path) -> io::Result<Option<Bytes>> {
    let mut bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound || super::is_unreadable(&error) => return Ok(None),
        outcome => outcome?,
    };
    let Some(body) = bytes.len().checked_sub(8) else { return Ok(None) };
    let whole = xxh3_64(&bytes[..body]).to_le_bytes() == bytes[body..];
    bytes.truncate(body);
    Ok(whole.then(|| bytes.into()))
}

fn write_sealed(dir: &Path, name: &str, mut bytes: Vec<u8>) -> io::Result<()> {
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    write_file(dir, name, &bytes)
}

/// Replaces a file, durably, in one step.
pub(super) fn write_file(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = dir.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, dir.join(name))?;
    sync_dir(Some(dir))
}

pub(super) fn sync_dir(dir: Option<&Path>) -> io::Result<()> {
    match dir.filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn remove_if_there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn bytes_under(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_under(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

const VERSION: u8 = 1;
/// Far more than any of them has.
const FILE_BYTES_MAX: usize = 64 << 20;
