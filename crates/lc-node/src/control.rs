//! What operators ask of a node about tables, conflicts and regions. Requests and answers are JSON, as `docs/http-api.md` says.

mod backups;
mod conflicts;
mod refusal;
mod regions;
mod releases;
mod repairs;
mod stamps;
mod tables;

pub(crate) use backups::Backups;
pub(crate) use conflicts::text_or_base64;
pub use refusal::{Refusal, RefusalKind};
pub use regions::{Admitted, Invited, Newcomer};
