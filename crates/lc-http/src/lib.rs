//! The HTTP door: records, tables and regions as JSON; how a node is, for people, load balancers and Prometheus.
//!
//! In:    HTTP/1.1 requests over TCP or TLS; what is asked of a node stands in [`Inside`] and [`Database`].
//! Out:   typed records, policies, health, status as JSON, metrics as text; its own description; problems with codes that stay.
//! Never: what a command does (lc-db), what a policy promises (lc-policy), certificates (lc-net), another door.
//! Proof: unit tests beside each file; tests/door.rs and tests/records.rs over real TCP, each answer held against the description.
//! Start: `all` in routes.rs, the list of routes; then `handle` in route.rs.

mod admission;
mod api_page;
mod asked;
mod base64;
mod condition;
mod control;
mod database;
mod door;
mod errors;
mod exchange;
mod inside;
mod json_bytes;
mod knocks;
mod openapi;
mod parameter;
mod patience;
mod percent;
mod prometheus;
mod record_key;
mod reply_shape;
mod room;
mod route;
mod routes;
mod schemas;
mod siblings;

pub use api_page::api_page;
pub use control::{Control, control_router};
pub use database::{BackupAnswer, BackupRequest, BoxFuture, Call, ControlRequest, Database, Done, Receipt};
pub use door::{Door, Doorway, Settings, serve_router};
pub use errors::{Error, Problem};
pub use inside::{Emulation, Inside, LinkEmulation};
pub use prometheus::{Sample, SampleKind};
pub use routes::guard;
