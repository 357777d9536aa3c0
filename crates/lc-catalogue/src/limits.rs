//! The bounds of the catalogue, with where each number comes from.

/// Names of clusters and regions stand in certificates.
pub const PLACE_NAME_BYTES_MAX: usize = 40;
/// A table's name stands before the first `:` of each of its keys.
pub const TABLE_NAME_BYTES_MAX: usize = 64;
/// `host:port`; a host name has at most 253 characters.
pub const ADDRESS_BYTES_MAX: usize = 260;
/// Who proposed a command: a region, a node, perhaps a person.
pub const ACTOR_BYTES_MAX: usize = 128;
/// Why a table was changed, in a sentence or two.
pub const NOTE_BYTES_MAX: usize = 512;
/// A region lies in a country, which lies in unions; three are usual.
pub const JURISDICTIONS_MAX: usize = 16;
/// A policy as JSON. The longest are field rules: at most 8 KiB of text, and JSON may double that.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;
/// Declared tables, `default` among them. Each node keeps all of them in memory.
pub const TABLES_MAX: usize = 1000;
/// Versions kept of one table; older ones are counted.
pub const VERSIONS_MAX: usize = 100;
/// All versions of all tables, encoded. A snapshot of everything must stay below the 8 MiB that one message carries; all
/// else in the catalogue takes less than 256 KiB.
pub const VERSIONS_BYTES_MAX: usize = 6 * 1024 * 1024;
/// A replica's id has room for 1024 incarnations of a node.
pub const INCARNATION_MAX: u16 = 1023;
/// Invitations that ran out are kept for a while, so that whoever comes late is told so. Unused and used ones are bounded
/// by the number of node ids.
pub const EXPIRED_INVITATIONS_MAX: usize = 64;
/// A command or an answer. The largest is a beginning with 63 nodes of 1.2 KiB each.
pub const COMMAND_BYTES_MAX: usize = 128 * 1024;
/// The largest snapshot that [`crate::Catalogue::restore`] reads.
pub const SNAPSHOT_BYTES_MAX: usize = 8 * 1024 * 1024;
