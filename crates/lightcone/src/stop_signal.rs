//! When a process is asked to end: Ctrl-C, SIGTERM, the end of its terminal, or the end of its standard input.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// Resolves at the first reason to stop. With `stdin`, the end of standard input is one: a supervisor holds the other
/// end of the pipe, so that its nodes end with it, however it ends.
pub fn listen(stdin: bool) -> Result<impl Future<Output = ()>, Error> {
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    let mut hangup = on(SignalKind::hangup())?;
    let stdin = if stdin { Some(open_stdin()?) } else { None };
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = end_of(stdin) => {}
        }
    })
}

fn on(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(Error::system("listen for signals"))
}

fn open_stdin() -> Result<pipe::Receiver, Error> {
    let failed = "watch standard input (--exit-with-stdin needs a pipe)";
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(Error::system(failed))?;
    pipe::Receiver::from_owned_fd(stdin).map_err(Error::system(failed))
}

async fn end_of(pipe: Option<pipe::Receiver>) {
    let Some(mut pipe) = pipe else { return std::future::pending().await };
    let mut ignored = [0; 64];
    while pipe.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
}
