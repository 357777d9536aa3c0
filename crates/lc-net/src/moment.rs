//! The one place of this room that reads the time. Tokio's clock, so that its timers agree with it.

pub(crate) use tokio::time::Instant;

#[allow(clippy::disallowed_methods, reason = "compared with what tokio's timers wait for, so it must be their clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
