//! Catching up by ranges: records come stretch by stretch when the journal does not reach back far enough, and only
//! those that differ when most are here already.
//!
//! In:    messages of peers, ticks, how much of the asked work is done.
//! Out:   messages to send, stretches to read, to install or to take for equal.
//! Never: rows, hashes of rows, disk, clocks; positions, fingerprints and records are bytes that mean something elsewhere.
//! Proof: tests/ranges.rs: messages lost, doubled and reordered, both sides restarted; and the bytes that cross.
//! Start: [`CatchUp::step`] (who needs records) and [`Serving::next`] (who has them).
//!
//! The receiver drives, and the sender remembers nothing that it cannot forget: every question stands for itself.

mod catch_up;
mod compare;
mod message;
mod pace;
mod serving;
mod tree;

pub use catch_up::{CatchUp, CatchUpInput, CatchUpOutput, CatchUpSettings, Ground, Install, Mode, Progress};
pub use message::{RangeAnswer, RangeAsk, RangeMessage, RangeRows, Sums, SumsAsk};
pub use pace::Pace;
pub use serving::{Job, Serving, ServingSettings};
pub use tree::{SUM_BYTES, SumTree};
