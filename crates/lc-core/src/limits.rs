//! Every bound that a client or a peer can meet, with where the number comes from.

/// Largest key. Key and field stand together in a row's key, which the store bounds to 65,535 bytes.
pub const KEY_BYTES_MAX: usize = 16 * 1024;
/// Largest field or member of a collection.
pub const FIELD_BYTES_MAX: usize = 32 * 1024;
/// Largest value. Redis allows 512 MB; a value must fit a link frame and a journal record with room to spare.
pub const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest entry: one write or one transaction, encoded.
pub const ENTRY_BYTES_MAX: usize = 12 * 1024 * 1024;
/// Most replicas that one vector may name; more in bytes from a peer is refused.
pub const REPLICAS_MAX: usize = 1024;
/// Most concurrent values of one cell, in bytes from a peer or a disk. A node refuses to add to
/// [`SIBLINGS_WRITTEN_MAX`], and there are at most 63 nodes.
pub const SIBLINGS_MAX: usize = 64 * SIBLINGS_WRITTEN_MAX;
/// Concurrent values of one key beyond which a node takes only writes that replace some.
pub const SIBLINGS_WRITTEN_MAX: usize = 64;
/// Most keys, members or pairs in one reply, unless set otherwise: with what each costs beside its bytes, some 100 MiB.
pub const REPLY_ELEMENTS_MAX: usize = 1024 * 1024;
/// Most bytes in one reply, unless set otherwise: as many as one request may have.
pub const REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;
