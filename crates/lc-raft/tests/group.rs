//! Whole groups over simulated links, disks and time.

#[path = "group/crashes.rs"]
mod crashes;
#[path = "group/disk.rs"]
mod disk;
#[path = "group/elections.rs"]
mod elections;
#[path = "group/members.rs"]
mod members;
#[path = "group/post.rs"]
mod post;
#[path = "group/throughput.rs"]
mod throughput;
#[path = "group/world.rs"]
mod world;
