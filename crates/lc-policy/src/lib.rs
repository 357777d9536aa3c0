//! The five dials of a table: what they are, which settings can keep their promise, what each costs and excludes.
//!
//! In:    a policy as TOML or as words; the topology of the cluster.
//! Out:   a checked policy, or why not and the nearest that can be kept; an explanation in words and numbers.
//! Never: a clock, a socket, a record; how a promise is kept (lc-member).
//! Proof: unit tests beside each file, tests/policies.rs.
//! Start: [`Policy`] in policy.rs, then [`Tables`] in tables.rs for the data path.

mod ack;
mod placement;
mod policy;
mod read;
mod tables;
mod writers;

pub use ack::Ack;
pub use placement::Placement;
pub use policy::Policy;
pub use read::Read;
pub use tables::{DEFAULT_TABLE, Table, Tables, table_of};
pub use writers::Writers;
