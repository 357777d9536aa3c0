//! What a caller can do about an error; every door maps these in one table.

/// The handful of things an error can mean to its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Try the same again in a moment.
    Retry,
    /// Somebody else was first: read again, then decide.
    Conflict,
    /// This node cannot do it now; another may.
    Unavailable,
    /// The request is wrong and will stay wrong.
    Caller,
    /// The node must stop: its data or its disk can no longer be trusted.
    Stop,
}
