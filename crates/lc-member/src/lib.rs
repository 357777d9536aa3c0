//! One member of the geode as a state machine: commands, frames and disk completions in; replies, frames and disk
//! jobs out.
//!
//! In:    commands of clients, frames of peers, links up and down, finished disk jobs, ticks; the time with each.
//! Out:   replies and what must be durable before they leave, frames to send, disk jobs to run.
//! Never: a socket, a clock, a thread, an await. Disk only through `lc_env::Disk` and `lc_store::Store`.
//! Proof: `lc-sim` runs this very code in a simulated world; `lc-node` runs it in the real one.
//! Start: [`Member`] in member.rs: `write`, then `frame`, then `finish_sync`.

pub mod backup;
mod error;
mod identity;
pub mod ledger;
mod log;
mod member;
mod missing;
mod placement;
mod ranges;
mod records;
mod recount;
mod salvage;
mod settings;
mod shares;
mod unsynced;
mod watches;
pub mod wire;

pub use error::Error;
pub use identity::Identity;
pub use member::clock_watch::{Apart, ClockWatch};
pub use member::{
    AheadStamp, AheadStamps, BackupMoment, Closing, Collapse, Conflicts, Counters, Delivered, Differences, Divergence,
    Elsewhere, FillingView, Health, JournalView, Kept, Member, MendingView, Outgoing, PeerClock, Repair, RepairRefused,
    RepairState, Restoring, Room, Settled, Snapshot, Ticket, Unheld, frozen_rows,
};
pub use salvage::open_records;
pub use settings::{DiskBounds, Peer, Settings};
pub use wire::{Frame, FrameError, MAX_FRAME_BYTES};
