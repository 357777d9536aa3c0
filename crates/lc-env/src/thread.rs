//! Threads of our own, each with a name.

use std::thread::JoinHandle;
use std::time::Duration;

/// Starts a thread; the name shows in debuggers and panics (15 bytes of it in the kernel).
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub fn spawn_thread<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(run).expect("the system has room for a thread")
}

/// Lets the calling thread sleep. For engine threads only: in an async task it would stop the whole runtime.
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{pause, spawn_thread};

    #[test]
    fn a_thread_bears_its_name_and_hands_back_its_result() {
        let thread = spawn_thread("flusher", || {
            pause(Duration::from_millis(1));
            std::thread::current().name().map(str::to_owned)
        });
        assert_eq!(thread.join().unwrap().as_deref(), Some("flusher"));
    }
}
