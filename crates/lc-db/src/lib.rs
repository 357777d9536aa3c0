//! What a command means: parse its arguments, read through a [`View`], give back ops through a [`Txn`].
//!
//! In:    a command's arguments, the rows (behind `lc_crdt::Rows`), the time, a seed.
//! Out:   a [`Reply`], and for writes the ops of one entry.
//! Never: a socket, a clock, a disk, another region; how bytes of RESP or HTTP look.
//! Proof: tests beside each command; tests/laws and tests/truth_tables for several regions at once.
//! Start: commands.rs (the list), then commands/incr.rs as an example, then txn.rs.

pub mod arguments;
mod bounds;
pub mod catalogue;
mod commands;
mod compatibility;
pub mod consistency;
mod context;
mod error;
mod expiry_arguments;
pub mod float;
mod glob;
mod receipt;
mod reply;
mod reply_wire;
mod session;
pub mod testing;
mod token;
mod txn;
mod view;

pub use bounds::{Bounds, Room};
pub use catalogue::{Arity, Command, Group, KeySpec, Run};
pub use commands::{COMMANDS, find};
pub use compatibility::compatibility_page;
pub use consistency::{Among, Demand, Promise, Quorum, Wish, held_here, is_among};
pub use context::Context;
pub use error::Error;
pub use receipt::{Receipt, Source};
pub use reply::Reply;
pub use reply_wire::REPLY_DEPTH_MAX;
pub use session::{Engine, Host, Queued, Session, WatchStamp, may_answer, read_command};
pub use token::{SECRET_BYTES, SessionKey, Token};
pub use txn::{Expiry, Txn};
pub use view::{ScoreSpan, View};
