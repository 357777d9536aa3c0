//! The five dials of a table: what they are, which settings can keep their promise, what each costs and excludes.
//!
//! In:    a policy as TOML, JSON or words; the regions of the cluster; what was measured.
//! Out:   a checked policy, or why not and the nearest that can be kept; an explanation in words and numbers.
//! Never: a clock, a socket, a record; how a promise is kept (lc-member).
//! Proof: unit tests beside each file, tests/policies.rs with tests/pairs.txt and tests/explained.txt.
//! Start: [`Policy`] in policy.rs, [`Policy::check`] in refusal.rs, then [`Tables`] in tables.rs for the data path.

mod ack;
mod change;
mod contradiction;
mod dial;
mod drain;
mod error;
mod explanation;
mod given;
pub mod merge_text;
mod placement;
mod policy;
mod preset;
mod read;
mod refusal;
mod suggestion;
mod tables;
mod text;
mod topology;
mod writers;

pub use ack::Ack;
pub use change::PolicyChange;
pub use dial::Dial;
pub use drain::Drain;
pub use error::Error;
pub use explanation::{Exclusion, Explanation, Latency, Measured, explain, explain_towards};
pub use placement::Placement;
pub use policy::Policy;
pub use preset::{Offer, Preset};
pub use read::Read;
pub use refusal::{Refusal, Why};
pub use suggestion::suggestion;
pub use tables::{DEFAULT_TABLE, Table, Tables, table_of};
pub use topology::{Region, Topology};
pub use writers::Writers;
