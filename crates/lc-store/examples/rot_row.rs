//! Turns one bit of a stored value, as a disk or a memory would that no checksum covers: `rot_row DIR TEXT`, for tests of what notices it.
//! The process whose store it is must not run.

use std::path::Path;

use bytes::Bytes;
use lc_store::{FjallOptions, FjallStore, Store};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, text] = arguments.as_slice() else { panic!("rot_row DIR TEXT") };
    let store = FjallStore::open(Path::new(dir), &FjallOptions::default()).expect("a store");
    let place = |value: &[u8]| value.windows(text.len()).position(|part| part == text.as_bytes());
    // Heads and elements; what other rows say of them is derived.
    let found = store.scan(b"e", Some(b"i")).find_map(|row| {
        let (row, value) = row.expect("a row that can be read");
        place(&value).map(|at| (row, value.to_vec(), at))
    });
    let (row, mut value, at) = found.expect("a row with this text");
    value[at + text.len() - 1] ^= 4;
    let changed = (row, Some(Bytes::from(value)));
    store.commit(&mut [changed].into_iter()).expect("the row is written");
}
