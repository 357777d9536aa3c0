//! What merging means: cells of dotted values, counters, expiry, and what each op does to them.
//!
//! In:    an [`Entry`] (stamp and ops) and the rows it touches, through [`Rows`].
//! Out:   changed rows. The same set of entries, in any causal order, leaves the same rows.
//! Never: a clock, a socket, a disk; which replica may decide a write; how commands read.
//! Proof: lc-db/tests/laws (every causal order of random commands ends in equal rows), lc-db/tests/truth_tables.
//! Start: [`apply()`] in apply.rs, then [`Cell`] in cell.rs.
//!
//! Source: optimised OR-set (Bieniusa et al., 2012) and dotted version vectors (Preguiça et al., 2012): one vector
//! for the whole replica replaces per-key vectors and tombstones, because entries arrive in causal order.

mod apply;
mod cell;
mod contexts;
mod counter;
mod digest;
mod entry;
mod forget;
mod head;
mod join;
mod json_rules;
mod merge;
mod number;
mod op;
mod outside;
mod place;
mod reconcile;
mod row;
mod span_rows;
mod tail;

pub use apply::{StoredHead, apply, apply_op};
pub use cell::{Cell, Sibling, Visible};
pub use contexts::Contexts;
pub use counter::Count;
pub use digest::Digest;
pub use entry::{Entry, Stamp};
pub use forget::{forget_row, key_of_row};
pub use head::{ExpirySibling, Head};
pub use join::{JoinedKeys, KeyRows, ReadError, join};
pub use json_rules::JsonRules;
pub use merge::{Merge, Merged};
pub use number::Number;
pub use op::{Added, Address, ElementReset, Kind, Op, Reset};
pub use outside::{apply_op_outside, apply_outside};
pub use place::{PLACE_BYTES_MAX, address_of, cell_span, hash_span, key_span, place_at, place_of};
pub use reconcile::{Incoming, install, merge, settling};
pub use row::{
    Meeting, RowError, RowKind, Rows, element_of, element_prefix, element_row, expiry_of, expiry_row, expiry_span,
    head_of, head_row, head_span, score_bytes, score_from_bytes, score_of, score_prefix, score_row,
};
pub use span_rows::{FINGERPRINT_BYTES, Known, Room, SpanRows, digest_rows, fingerprints};
pub use tail::{Tail, Touched};
