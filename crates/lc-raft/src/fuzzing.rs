//! What fuzzing drives: bytes of peers and of a disk, read and written again. Only there with the feature of this name.

use std::sync::Arc;

use bytes::Bytes;
use lc_env::Disk;

use crate::frame::Frame;
use crate::{Error, log, snapshots};

/// A frame, read and written again; `None` if it is none.
pub fn frame_again(bytes: Bytes) -> Option<Vec<u8>> {
    Frame::decode(bytes).ok().map(|frame| frame.encode().to_vec())
}

/// A record of the log, read and written again.
pub fn record_again(bytes: &[u8]) -> Option<Vec<u8>> {
    log::record_again(bytes)
}

/// A snapshot file's content, checksum apart, read and written again.
pub fn snapshot_again(bytes: &[u8]) -> Option<Vec<u8>> {
    snapshots::again(bytes)
}

/// Reads a whole log.
///
/// # Errors
/// As when a group is opened.
pub fn open_log(disk: Arc<dyn Disk>) -> Result<(), Error> {
    log::read_whole(disk)
}
