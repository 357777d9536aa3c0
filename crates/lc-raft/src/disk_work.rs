//! Where the disk's waiting is done.

use std::io;

/// Which thread waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DiskWork {
    /// A thread of the runtime's blocking pool: a sync never holds up other tasks.
    #[default]
    Blocking,
    /// The calling task itself: for a disk in memory, where a second thread would only bring chance into a simulation.
    Inline,
}

impl DiskWork {
    /// Runs `work`; an error only if it panicked. If dropped half-way the work still ends, and its result is lost.
    pub(crate) async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        match self {
            DiskWork::Inline => Ok(work()),
            DiskWork::Blocking => tokio::task::spawn_blocking(work).await.map_err(io::Error::other),
        }
    }
}
