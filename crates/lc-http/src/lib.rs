//! The HTTP door: how a node is, for people, load balancers and Prometheus.
//!
//! In:    HTTP/1.1 requests over TCP or TLS; what is asked of a node stands in [`Inside`].
//! Out:   health, status as JSON, metrics as text; errors as problem+json with a code that stays.
//! Never: records and commands (lc-db), what a number means (lc-node), certificates (lc-net), another door.
//! Proof: unit tests beside each file, tests/door.rs over real TCP.
//! Start: `router` in routes.rs.

mod admission;
mod control;
mod door;
mod errors;
mod prometheus;
mod routes;

pub use control::{Control, control_router};
pub use door::{Door, Settings, serve_router};
pub use errors::{Error, Problem};
pub use prometheus::{Sample, SampleKind};
pub use routes::{Emulation, Inside, LinkEmulation, guard};
