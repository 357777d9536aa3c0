//! The catalogue: who is in the cluster and what each table promises, as a state machine that consensus replicates.
//!
//! In:    commands, each with the time and the name of who proposed it.
//! Out:   an answer or why it was refused; tables and topology for the data path; a snapshot.
//! Never: a clock, randomness, a socket, a disk; what a dial means (lc-policy); who agrees on the order (lc-raft).
//! Proof: unit tests beside each file, tests/laws.rs for snapshots, retries and bytes from nowhere.
//! Start: [`Catalogue::apply`] in catalogue.rs; the bytes are in docs/formats/catalogue.md.

mod answer;
mod catalogue;
mod command;
mod dials;
mod format;
mod hex;
mod invitation;
pub mod limits;
mod names;
mod node;
mod node_id;
mod placements;
mod refused;
mod region;
mod secret;
mod session_keys;
mod table_history;

pub use answer::{Answer, Outcome};
pub use catalogue::{Catalogue, Cluster};
pub use command::{Alteration, Change, Command, NodeClaim};
pub use format::{decode_answer, decode_command, encode_answer, encode_command};
pub use invitation::{Invitation, Used};
pub use node::{Node, NodeState};
pub use refused::Refused;
pub use region::{Coordinates, Region};
pub use secret::{ClusterId, Secret, TokenHash};
pub use session_keys::{SessionKey, SessionKeys};
pub use table_history::{TableHistory, Version};
