//! The seams: disk, clock, randomness and threads, each with the real one and one that a test can steer.
//!
//! In:    the operating system.
//! Out:   [`Disk`], [`Clock`], [`Random`], [`spawn_thread`]; [`MemoryDisk`], [`ManualClock`], [`SeededRandom`] for simulation.
//! Never: what the bytes mean; an async runtime; a second place that reads a clock or starts a thread.
//! Proof: tests beside each seam; memory_disk/tests.rs says what a crash may take.
//! Start: [`Disk`] in disk.rs.

mod clock;
mod disk;
mod error;
mod memory_disk;
mod random;
mod real_disk;
mod thread;

pub use clock::{Clock, ManualClock, RealClock};
pub use disk::{Disk, DiskFile};
pub use error::{Error, Result};
pub use memory_disk::MemoryDisk;
pub use random::{Random, RealRandom, SeededRandom};
pub use real_disk::RealDisk;
pub use thread::{pause, spawn_thread};
