//! The door over real TCP, with a small node behind it: real commands on a replica in memory, and a catalogue in a map.
//!
//! Every answer is held against the description that the door gives of itself.

mod backups;
mod bounds;
mod client;
mod description;
mod elements;
mod node;
mod operations;
mod records;
mod sessions;
mod tables;
