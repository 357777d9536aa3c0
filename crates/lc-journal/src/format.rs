//! The bytes on disk; drawn in docs/formats/journal.md.

mod beginning_v1;
mod record_v1;
mod segment_v1;

pub(crate) use beginning_v1::{BEGINNING_FILE, Beginning, Highest, raise};
pub use record_v1::RECORD_HEADER_BYTES;
pub(crate) use record_v1::{Broken, Head, Kind, encode, parse};
pub(crate) use segment_v1::{
    HeaderError, SEGMENT_HEADER_BYTES, decode_header, encode_header, segment_first, segment_name,
};
