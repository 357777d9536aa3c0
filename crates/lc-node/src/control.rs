//! What operators ask of a node about tables, conflicts and regions. Requests and answers are JSON, as `docs/http-api.md` says.

mod backups;
mod conflicts;
mod refusal;
mod regions;
mod releases;
mod stamps;
mod tables;

pub(crate) use backups::Backups;
pub use refusal::{Refusal, RefusalKind};
pub use regions::{Admitted, Invited, Newcomer};
