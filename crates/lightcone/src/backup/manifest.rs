//! A backup's own words: what it is, what it holds, what it needs. Written last, so a backup without them is none.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Error;

/// The file `manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the format; 1.
    pub format: u32,
    /// Of the program that made it.
    pub lightcone: String,
    /// `full` or `increment`.
    pub kind: String,
    /// What an increment follows.
    pub parent: Option<Parent>,
    /// Of the node.
    pub cluster: String,
    /// Of the node.
    pub region: String,
    /// The node.
    pub node: u16,
    /// When it was ended, Unix ms.
    pub made_ms: u64,
    /// The records before the first entry: of a full one its rows', of an increment its parent's end.
    pub begin: Value,
    /// The records after the last entry.
    pub end: Value,
    /// By which version of the catalogue tables were here or not.
    pub placement_version: u64,
    /// Every table with its policy.
    pub tables: Value,
    /// How many.
    pub rows: u64,
    /// How many.
    pub entries: u64,
    /// In their order.
    pub files: Vec<DataFile>,
}

/// The backup that an increment follows, in the same directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its directory's name.
    pub name: String,
    /// Of its manifest, hexadecimal.
    pub manifest_sha256: String,
}

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Of all of it, hexadecimal.
    pub sha256: String,
}

/// A whole backup on disk.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its directory.
    pub dir: PathBuf,
    /// What it says.
    pub manifest: Manifest,
    /// Of the manifest, hexadecimal.
    pub sha256: String,
}

impl Backup {
    /// Reads the manifest of a backup's directory.
    pub fn open(dir: &Path) -> Result<Backup, Error> {
        let path = dir.join(MANIFEST);
        let bytes = fs::read(&path).map_err(|error| {
            Error::Usage(format!(
                "{}: {error}; a backup without its manifest was interrupted and holds nothing",
                path.display()
            ))
        })?;
        let wrong = |why: String| Error::Usage(format!("{}: {why}", path.display()));
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if value["format"].as_u64() != Some(u64::from(FORMAT)) {
            return Err(wrong(format!("format {} is not known here; this program reads {FORMAT}", value["format"])));
        }
        let manifest = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        Ok(Backup { dir: dir.to_owned(), manifest, sha256: hex(&Sha256::digest(&bytes)) })
    }

    /// Its directory's name.
    pub fn name(&self) -> String {
        self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// A full backup and the increments up to this one, in their order.
    pub fn chain(self) -> Result<Vec<Backup>, Error> {
        let mut chain = vec![self];
        while let Some(parent) = chain.last().and_then(|last| last.manifest.parent.clone()) {
            let last = chain.last().expect("it has a parent");
            let found = Backup::open(&last.dir.with_file_name(&parent.name))?;
            if found.sha256 != parent.manifest_sha256 || chain.len() > CHAIN_MAX {
                return Err(Error::Usage(format!(
                    "{} follows another {} than the one that is there",
                    last.dir.display(),
                    parent.name
                )));
            }
            chain.push(found);
        }
        chain.reverse();
        Ok(chain)
    }
}

/// The newest whole backup in a directory of backups; the directory itself if it is one.
pub fn newest(from: &Path) -> Result<Option<Backup>, Error> {
    if from.join(MANIFEST).exists() {
        return Backup::open(from).map(Some);
    }
    let last = names(from)?.into_iter().filter(|name| number(name).is_some()).max_by_key(|name| number(name));
    last.map(|name| Backup::open(&from.join(name))).transpose()
}

/// Names of what stands in a directory; none if it is not there.
pub fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::system(format!("read {}", dir.display())))?,
    };
    Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// The number of a whole backup's directory.
pub fn number(name: &str) -> Option<u32> {
    if name.len() >= 4 { name.parse().ok() } else { None }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of the format that is written.
pub const FORMAT: u32 = 1;
/// The file's name.
pub const MANIFEST: &str = "manifest.json";
/// Longer chains are no use: each restore applies all of them.
const CHAIN_MAX: usize = 10_000;
