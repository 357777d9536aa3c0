//! What operators ask of a node about tables, conflicts and regions. Requests and answers are JSON, as `docs/http-api.md` says.

mod conflicts;
mod refusal;
mod regions;
mod tables;

pub use refusal::{Refusal, RefusalKind};
pub use regions::{Admitted, Newcomer};
