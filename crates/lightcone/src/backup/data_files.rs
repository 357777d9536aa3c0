//! Files of records: written one after the other, read with every byte checked.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lc_node::backup::{Item, items};
use sha2::{Digest, Sha256};

use super::manifest::{DataFile, FORMAT, hex};
use crate::Error;

/// Writes records into files of bounded size.
pub struct Writer {
    dir: PathBuf,
    open: Option<Open>,
    done: Vec<DataFile>,
}

struct Open {
    file: File,
    name: String,
    bytes: u64,
    sum: Sha256,
}

impl Writer {
    /// Into an empty directory.
    pub fn new(dir: &Path) -> Writer {
        Writer { dir: dir.to_owned(), open: None, done: Vec::new() }
    }

    /// Appends whole records; a file never holds half of one.
    pub fn write(&mut self, records: &[u8]) -> Result<(), Error> {
        if self.open.as_ref().is_some_and(|open| open.bytes + records.len() as u64 > FILE_BYTES_MAX) {
            self.close()?;
        }
        if self.open.is_none() {
            self.begin()?;
        }
        self.append(records)
    }

    /// Makes everything durable; gives the files.
    pub fn finish(mut self) -> Result<Vec<DataFile>, Error> {
        self.close()?;
        Ok(self.done)
    }

    fn begin(&mut self) -> Result<(), Error> {
        let name = format!("data-{:05}.lcb", self.done.len() + 1);
        // Records of clients are for the owner alone.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.dir.join(&name));
        let file = file.map_err(Error::system(format!("make {}", self.dir.join(&name).display())))?;
        self.open = Some(Open { file, name, bytes: 0, sum: Sha256::new() });
        self.append(&HEADER)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let open = self.open.as_mut().expect("a file was begun");
        open.file.write_all(bytes).map_err(Error::system(format!("write {}", open.name)))?;
        open.sum.update(bytes);
        open.bytes += bytes.len() as u64;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(Open { file, name, bytes, sum }) = self.open.take() else { return Ok(()) };
        file.sync_all().map_err(Error::system(format!("write {name}")))?;
        self.done.push(DataFile { name, bytes, sha256: hex(&sum.finalize()) });
        Ok(())
    }
}

/// Shows the records of a file, once all of it was checked.
pub fn read(dir: &Path, file: &DataFile, visit: &mut dyn FnMut(Item) -> Result<(), Error>) -> Result<(), Error> {
    let path = dir.join(&file.name);
    let bytes = Bytes::from(fs::read(&path).map_err(Error::system(format!("read {}", path.display())))?);
    let damaged = |why: String| Error::Usage(format!("{} is damaged: {why}; nothing was restored", path.display()));
    if !bytes.starts_with(&HEADER[..MAGIC_BYTES]) {
        return Err(damaged("its first bytes are not those of a backup".to_owned()));
    }
    if !bytes.starts_with(&HEADER) {
        let found = bytes.get(MAGIC_BYTES..HEADER.len()).and_then(|version| version.try_into().ok());
        let found = found.map_or(0, u32::from_le_bytes);
        return Err(Error::Usage(format!("{} has format {found}; this program reads {FORMAT}", path.display())));
    }
    if bytes.len() as u64 != file.bytes || hex(&Sha256::digest(&bytes)) != file.sha256 {
        let at = items(&bytes, HEADER.len()).find_map(Result::err).map_or_else(
            || format!("it has {} bytes, and {} were written", bytes.len(), file.bytes),
            |damaged| damaged.to_string(),
        );
        return Err(damaged(at));
    }
    for item in items(&bytes, HEADER.len()) {
        visit(item.map_err(|error| damaged(error.to_string()))?)?;
    }
    Ok(())
}

/// Eight bytes that no text has, and the version.
const HEADER: [u8; 12] = *b"LCBACK\r\n\x01\0\0\0";
const MAGIC_BYTES: usize = 8;
/// A piece more is let in when a single record is larger.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use lc_node::backup::{Item, put_entry};

    use super::{Writer, read};

    #[test]
    fn what_was_written_is_read_and_one_changed_byte_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut writer = Writer::new(dir.path());
        for number in 0..40 {
            let mut records = Vec::new();
            put_entry(&mut records, number, &vec![number as u8; 4 << 20]);
            writer.write(&records).expect("room for it");
        }
        let files = writer.finish().expect("room for it");
        assert_eq!(files.len(), 3);
        let mut found = Vec::new();
        for file in &files {
            let mut visit = |item| {
                if let Item::Entry(next, _) = item {
                    found.push(next);
                }
                Ok(())
            };
            read(dir.path(), file, &mut visit).expect("as written");
        }
        assert_eq!(found, (0..40).collect::<Vec<u64>>());
        let path = dir.path().join(&files[1].name);
        let mut bytes = std::fs::read(&path).expect("there");
        bytes[9_000_000] ^= 1;
        std::fs::write(&path, bytes).expect("written");
        let mut shown = 0;
        let error = read(dir.path(), &files[1], &mut |_| {
            shown += 1;
            Ok(())
        });
        let error = error.expect_err("damaged").to_string();
        assert!(error.contains("data-00002.lcb is damaged: the record at byte 8388") && shown == 0, "{error}");
    }
}
