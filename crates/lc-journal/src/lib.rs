//! A replica's durable, ordered list of entries: appended in memory, made durable many at a time, read by senders and at start.
//!
//! In:    entries as (replica, sequence, bytes); a [`lc_env::Disk`] with a directory of its own.
//! Out:   positions, the durable position, records from any position on.
//! Never: what an entry means; a clock, a thread, a lock; retrying a failed sync (a write that found no room is another matter).
//! Proof: tests/crashes.rs (no acknowledged record is lost, none is half read), tests/garbage.rs (no bytes on disk make it panic),
//!        tests/full_disk.rs (a full disk loses nothing), tests/golden.rs (bytes of earlier releases are read).
//! Start: [`Journal`] in journal.rs; the bytes are in docs/formats/journal.md.

mod afresh;
mod error;
mod format;
mod index;
mod journal;
mod position;
mod read;
mod recovery;
mod segment;
mod sync_job;
mod tail;
mod truncation;

pub use afresh::begin_after;
pub use error::Error;
pub use format::RECORD_HEADER_BYTES;
pub use journal::{Journal, Options};
pub use position::Position;
pub use read::{ReadJob, Record};
pub use recovery::Recovery;
pub use sync_job::{SyncDone, SyncJob};
pub use truncation::{Span, TruncateDone, TruncateJob};
