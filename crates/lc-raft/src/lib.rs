//! Consensus: one replicated log of commands, applied in the same order by every member's machine. The only room that names openraft.
//!
//! In:    commands and frames as bytes; a [`lc_env::Disk`], a [`Machine`], a [`Carrier`].
//! Out:   answers of the machine, frames for other members, [`Status`].
//! Never: what a command means; sockets; randomness but [`lc_env::Random`]; a sync that failed, tried again.
//! Proof: tests/group/ runs whole groups over simulated links, disks and time; one seed run twice is the same frame by frame.
//! Start: [`Group`] in group.rs; the bytes are in docs/formats/raft.md.
//!
//! Time is tokio's: openraft sleeps on tokio's timers and reads the clock that goes with them, so a paused runtime stops both.

mod bytes_budget;
mod carrier;
mod codec;
mod disk_work;
mod error;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(test)]
mod golden;
mod group;
mod log;
mod machine;
mod network;
mod prefixed_disk;
mod runtime;
mod settings;
mod snapshots;
mod state_machine;
mod status;
mod type_config;
mod watched;
mod wire;

pub use carrier::Carrier;
pub use disk_work::DiskWork;
pub use error::Error;
pub use frame::RAFT_FRAME;
pub use group::Group;
pub use machine::Machine;
pub use prefixed_disk::PrefixedDisk;
pub use settings::Settings;
pub use status::Status;
