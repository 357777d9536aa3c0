//! A simulated world around the real member code: its network, disks, clocks and clients come from one seed.
//!
//! In:    a seed and a scenario; optionally one seeded bug.
//! Out:   a report: what was violated, if anything, and a trace that is the same at every run of the seed.
//! Never: real time, threads, sockets, files; a second implementation of the member.
//! Proof: tests/alarms.rs: every seeded bug is found, and one seed run twice is identical.
//! Start: [`World::run`] in world.rs, then checkers/.

mod bug;
mod call;
mod catalogue_world;
pub mod checkers;
mod client;
mod clients;
mod dials;
mod disk;
mod faults;
mod history;
mod mistaken_disk;
mod network;
mod numbered;
mod placement_world;
mod region;
mod report;
mod rng;
mod roamer;
mod store;
mod tables;
mod trace;
mod world;

pub use bug::Bug;
pub use catalogue_world::{CatalogueBug, CatalogueReport, CatalogueWorld};
pub use faults::{FaultKind, FaultKinds};
pub use placement_world::{PlacementBug, PlacementReport, PlacementWorld};
pub use report::{Report, Violation};
pub use world::{Scenario, World};
