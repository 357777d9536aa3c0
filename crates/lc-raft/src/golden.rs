//! Bytes of each format as they were written once: this release reads them, and still writes them so. `UPDATE=1` writes what is
//! missing, never what is there.

use std::path::PathBuf;

use bytes::Bytes;
use lc_core::wire::{Reader, put_bytes};

/// The stored bytes of a format and its version.
pub(crate) fn golden(name: &str, written: &[u8]) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() && !path.exists() {
        std::fs::write(&path, written).expect("written");
    }
    let stored = std::fs::read(&path).expect(name);
    assert_eq!(stored, written, "{name} is written otherwise now: a new version needs a golden file of its own");
    stored.into()
}

/// The same for many values, each with its length before it.
pub(crate) fn golden_list(name: &str, written: &[Vec<u8>]) -> Vec<Bytes> {
    let mut together = Vec::new();
    written.iter().for_each(|one| put_bytes(&mut together, one));
    let mut reader = Reader::new(golden(name, &together));
    let mut stored = Vec::new();
    while reader.remaining() > 0 {
        stored.push(reader.bytes(1 << 20, name.to_owned().leak()).expect("a length and bytes"));
    }
    stored
}
