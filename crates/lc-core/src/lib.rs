//! The nouns that every room shares: who, which write, how far, when, and how large.
//!
//! In:    nothing; these are plain values.
//! Out:   [`ReplicaId`], [`Dot`], [`VersionVector`], [`Hlc`], the byte reader and writer, the limits.
//! Never: a socket, a clock, a policy; what a value means (that is `lc-crdt`).
//! Proof: unit tests beside each noun.
//! Start: [`Dot`] in dot.rs, then [`VersionVector`] in version_vector.rs.

mod dot;
mod fault;
mod hlc;
mod id;
pub mod limits;
mod span;
mod version_vector;
pub mod wire;

pub use dot::Dot;
pub use fault::Fault;
pub use hlc::{Hlc, HlcClock, TooFarAhead};
pub use id::{NodeId, ReplicaId};
pub use span::Span;
pub use version_vector::VersionVector;
