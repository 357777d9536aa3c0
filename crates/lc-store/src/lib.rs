//! Rows by key: a durable store below, and above it a write-back view in memory that is flushed in atomic batches.
//!
//! In:    row keys and bytes; when to flush, and on which thread.
//! Out:   point reads, ordered scans both ways, one durable atomic commit per flush.
//! Never: what a row means; the journal; when to flush.
//! Proof: tests/laws.rs: every store, and the view over every store, behaves like an ordered map, across flushes and restarts.
//! Start: [`RowTable`] in row_table.rs, [`Store`] in store.rs.

mod error;
mod fjall_store;
mod frozen;
mod memory_store;
mod row_table;
mod store;
mod survey;

pub use error::Error;
pub use fjall_store::{FjallOptions, FjallStore};
pub use frozen::Frozen;
pub use memory_store::MemoryStore;
pub use row_table::{FlushDone, FlushJob, Flushed, RowTable, TableOptions, Work};
pub use store::{Aside, ROW_KEY_BYTES_MAX, Row, RowChange, RowIter, Store};
pub use survey::{Gap, survey};
