//! Bytes of a format as they were written once, in `tests/golden` of the crate that takes this file in.

use std::path::PathBuf;

/// The stored bytes of a format and its version, which must be what is written now. `UPDATE=1` writes what is missing, never
/// what is there.
pub(crate) fn golden(name: &str, written: &[u8]) -> bytes::Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() && !path.exists() {
        std::fs::write(&path, written).expect("written");
    }
    let stored = std::fs::read(&path).expect(name);
    assert_eq!(stored, written, "{name} is written otherwise now: a new version needs a golden file of its own");
    stored.into()
}
