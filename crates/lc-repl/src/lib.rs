//! Replication: every replica ends up with every entry, once, in causal order, after any cut.
//!
//! In:    links that come and go, messages, what became durable here, ticks.
//! Out:   messages to send, entries to apply, alarms.
//! Never: sockets, clocks, disk; what an entry does (that is `lc-crdt`).
//! Proof: tests/stories.rs over scripts/, and `lc-sim` for chaos.
//! Start: [`Replicator::step`] in replicator.rs, then inbox.rs (what comes) and stream.rs (what goes).
//!
//! The receiver drives: it names what it has, an origin streams its own entries after that, and when they do not come
//! the receiver asks another replica that has them. Nobody waits for a failure detector.

mod freshness;
mod inbox;
mod message;
mod peer;
pub mod ranges;
mod replicator;
mod stream;

pub use freshness::{Known, Pulse};
pub use inbox::Arrival;
pub use message::{JournalState, Message, Shared};
pub use peer::PeerView;
pub use replicator::{Alarm, Digests, Input, Lacks, Log, Output, Replicator, Settings};

/// Time since the node started; only differences matter.
pub type Time = std::time::Duration;
