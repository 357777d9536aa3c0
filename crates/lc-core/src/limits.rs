//! Every bound that a client or a peer can meet, with where the number comes from.

/// Largest key, as in Redis' own practice of keeping keys short; also bounds an index row.
pub const KEY_BYTES_MAX: usize = 64 * 1024;
/// Largest field or member of a collection; it stands in a row's key.
pub const FIELD_BYTES_MAX: usize = 64 * 1024;
/// Largest value. Redis allows 512 MB; a value must fit a link frame and a journal record with room to spare.
pub const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest entry: one write or one transaction, encoded.
pub const ENTRY_BYTES_MAX: usize = 12 * 1024 * 1024;
/// Most replicas that one vector may name; more in bytes from a peer is refused.
pub const REPLICAS_MAX: usize = 1024;
