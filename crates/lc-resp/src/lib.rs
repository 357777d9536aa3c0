//! The RESP door: bytes of RESP2 and RESP3 in, commands to an engine, replies out.
//!
//! In:    TCP (or TLS) connections; for each a [`Client`]: an `lc_db::Engine` and a wait for durability.
//! Out:   replies, in order, none before what it claims is durable.
//! Never: what a command means (lc-db), where it runs (lc-node), certificates (lc-net), another door.
//! Proof: request/tests.rs (garbage, split anywhere), encode/tests.rs (golden bytes), tests/door.rs (real TCP).
//! Start: `Conversation::run` in conversation.rs; request.rs for the bytes that come in.

mod buffers;
mod conversation;
mod door;
mod encode;
mod errors;
mod request;

pub use conversation::{Client, Excess};
pub use door::{Connect, Door, Plain, Secure, Settings};
pub use encode::{Protocol, encode};
pub use errors::{Error, Malformed};
pub use request::{Limits, Parser};
