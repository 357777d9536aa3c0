//! One living member: carries inputs into `lc-member` and outputs out of it.
//!
//! In:    clients' commands (through [`Connection`]), frames from links, time, finished disk jobs.
//! Out:   replies, frames to links, synced journals, flushed rows, status and metrics.
//! Never: what a command means, what merging means, what bytes look like on a wire.
//! Proof: the black-box tests; what it carries is proved in `lc-sim`.
//! Start: [`Node::start`] in node.rs, then disk_threads.rs and connection.rs.

mod call;
mod clients;
mod config;
mod connection;
pub mod control;
mod control_plane;
mod disk_threads;
mod divergence_log;
mod durable;
mod error;
mod host;
mod journal_line;
mod links;
mod memory;
mod mending_log;
mod metrics;
mod node;
mod restored;
mod status;
mod waiting;

pub use call::{Answered, Asked};
pub use clients::{ClientExcess, ClientInfo};
pub use config::{Config, LinkConfig, Peer, Queues};
pub use connection::Connection;
pub use error::Error;
pub use lc_journal::Position as Wait;
pub use lc_member::backup;
pub use memory::MemoryStatus;
pub use metrics::{Sample, SampleKind};
pub use node::Node;
pub use restored::{Draft, Restored, discard_draft};
pub use status::{PeerStatus, RepairStatus, Status};
pub use waiting::Hold;
