//! Fuzz targets: bytes that come from clients, from peers, from operators and from disks, and what must hold whatever they are.
//!
//! In:    bytes, found by libFuzzer, which watches the coverage they reach.
//! Out:   nothing; a panic, an overflow, an allocation out of proportion or a hang is a finding.
//! Never: sockets, real disks, real time; a second implementation of what it tests.
//! Proof: `canary` has a mistake on purpose, and `cargo xtask fuzz` fails unless it is found; tests/seeds/main.rs reads every seed.
//! Start: `run` in any module; each is one target.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::alloc::System;

use cap::Cap;

pub mod canary;
pub mod catalogue;
pub mod entries;
pub mod http_requests;
pub mod journal_recovery;
pub mod link_frames;
pub mod lots;
pub mod member_frames;
pub mod merge_rules;
pub mod policies;
pub mod raft_bytes;
pub mod resp_commands;
pub mod resp_requests;
pub mod session_tokens;

/// Inputs are at most some kilobytes. Whoever needs this much for one believed a length that a stranger wrote.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY_BYTES_MAX);

/// Sixteen of the largest entries.
const MEMORY_BYTES_MAX: usize = 192 << 20;
