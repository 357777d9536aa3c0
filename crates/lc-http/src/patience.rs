//! A connection that is given up when its client does not take its answers: memory for them is shared by all.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose other end must take a MiB, or all that there is, within a time.
pub(crate) struct Patient<S> {
    stream: S,
    limit: Option<Duration>,
    /// Set while something waits to be taken.
    until: Option<Pin<Box<Sleep>>>,
    /// Taken since then.
    taken_bytes: usize,
}

impl<S> Patient<S> {
    /// Without a limit it waits for ever.
    pub(crate) fn new(stream: S, limit: Option<Duration>) -> Patient<S> {
        Patient { stream, limit, until: None, taken_bytes: 0 }
    }

    /// What writing came to, or the end of patience.
    fn judge<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let (true, Some(limit)) = (outcome.is_pending(), self.limit) else { return outcome };
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(limit)));
        until.as_mut().poll(context).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, Unread)))
    }

    fn took(&mut self, bytes: usize) {
        self.taken_bytes += bytes;
        if self.taken_bytes >= PROGRESS_BYTES {
            self.begin_anew();
        }
    }

    fn begin_anew(&mut self) {
        (self.until, self.taken_bytes) = (None, 0);
    }
}

/// Why such a connection ended.
#[derive(Debug, thiserror::Error)]
#[error("the client did not take its answer in time")]
struct Unread;

/// Whether an error began as the end of patience.
pub(crate) fn is_unread(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<Unread>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(taken)) = &outcome {
            self.took(*taken);
        }
        self.judge(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        if let Poll::Ready(Ok(taken)) = &outcome {
            self.took(*taken);
        }
        self.judge(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        if outcome.is_ready() {
            // All that there was is taken.
            self.begin_anew();
        }
        self.judge(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, outcome)
    }
}

const PROGRESS_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Patient, is_unread};

    #[tokio::test]
    async fn what_nobody_takes_is_given_up_and_what_is_taken_in_time_is_not() {
        let (near, mut far) = duplex(64 * 1024);
        let mut patient = Patient::new(near, Some(Duration::from_millis(200)));
        let slow = tokio::spawn(async move {
            let mut piece = vec![0; 1 << 20];
            for _ in 0..6 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                far.read_exact(&mut piece).await.expect("there is more");
            }
            far
        });
        patient.write_all(&vec![1; 6 << 20]).await.expect("slowly, but taken");
        patient.flush().await.expect("taken");
        let _far = slow.await.expect("no panic");
        let error = patient.write_all(&vec![1; 1 << 20]).await.expect_err("nobody reads");
        assert!(is_unread(&error), "{error}");
        assert!(!is_unread(&std::io::Error::other("something else")));
    }
}
