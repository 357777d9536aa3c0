//! The way to the other members.

use bytes::Bytes;

/// Carries frames to other members. A frame may be lost, late, doubled or overtaken; it must not arrive changed or under another sender's
/// name, which is what the links' certificates are for.
pub trait Carrier: Send + Sync + 'static {
    /// Sends `frame`, at most 9 MiB, or drops it. Must not block and must not call back into the group.
    fn send(&self, to: u16, frame: Bytes);
}
