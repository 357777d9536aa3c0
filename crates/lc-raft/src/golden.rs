//! Bytes of each format as they were written once: this release reads them, and still writes them so. `UPDATE=1` writes what is
//! missing, never what is there.

#[path = "../../../tests/golden_file.rs"]
mod golden_file;

use bytes::Bytes;
use lc_core::wire::{Reader, put_bytes};

pub(crate) use golden_file::golden;

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
