//! Rows in order: on disk (fjall), in memory (simulation), and the table that a member works on over either.
//!
//! In:    row keys and values, as bytes; sorted batches.
//! Out:   point reads, ordered scans, atomic durable commits.
//! Never: what a row means; which writes may be known (that is the member's order of journal and flush).
//! Proof: tests/laws.rs: every store, and the table over it, behaves like an ordered map, across reopening.
//! Start: [`Store`] in store.rs, then [`RowTable`] in row_table.rs.

mod cache;
mod error;
mod fjall_store;
mod memory_store;
mod row_table;
mod store;

pub use error::Error;
pub use fjall_store::FjallStore;
pub use memory_store::MemoryStore;
pub use row_table::{FlushDone, FlushJob, RowTable};
pub use store::{Row, Scan, Store};
