//! A value that tasks watch. tokio has one too, but wakes its watchers in an order drawn from a generator that cannot be seeded, and with it
//! the order in which a leader writes to its followers; here they wake in the order in which they began to wait.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use openraft::OptionalSend;
use openraft::OptionalSync;
use openraft::async_runtime::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Notify;

/// Changes the value; clones change the same one.
pub(crate) struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Watches the value, and knows which change it has seen.
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

struct Shared<T> {
    value: RwLock<T>,
    /// Counts changes; moves only while the value is locked for writing.
    version: AtomicU64,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    changed: Notify,
}

impl<T> Sender<T> {
    pub(crate) fn new(value: T) -> Sender<T> {
        let shared = Shared {
            value: RwLock::new(value),
            version: AtomicU64::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            changed: Notify::new(),
        };
        Sender { shared: Arc::new(shared) }
    }

    /// Changes the value if `modify` says that it did.
    pub(crate) fn modify_if(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.shared.value.write();
        let modified = modify(&mut value);
        if modified {
            self.shared.version.fetch_add(1, Ordering::AcqRel);
        }
        drop(value);
        if modified {
            self.shared.changed.notify_waiters();
        }
        modified
    }

    pub(crate) fn modify(&self, modify: impl FnOnce(&mut T)) {
        self.modify_if(|value| {
            modify(value);
            true
        });
    }

    pub(crate) fn borrow(&self) -> RwLockReadGuard<'_, T> {
        self.shared.borrow()
    }

    pub(crate) fn receiver(&self) -> Receiver<T> {
        self.shared.receivers.fetch_add(1, Ordering::AcqRel);
        Receiver { shared: Arc::clone(&self.shared), seen: self.shared.version.load(Ordering::Acquire) }
    }
}

impl<T> Receiver<T> {
    /// Returns once there is a change that this receiver has not seen; an error once there can be none. Can be dropped.
    pub(crate) async fn next_change(&mut self) -> Result<(), RecvError> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let version = self.shared.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return Ok(());
            }
            if self.shared.senders.load(Ordering::Acquire) == 0 {
                return Err(RecvError(()));
            }
            changed.await;
        }
    }

    /// Returns a part of the value once `wanted` finds it there; an error once it never will. Can be dropped.
    pub(crate) async fn find<F>(&mut self, wanted: impl Fn(&T) -> Option<F>) -> Result<F, RecvError> {
        loop {
            let found = wanted(&self.shared.borrow());
            match found {
                Some(found) => return Ok(found),
                None => self.next_change().await?,
            }
        }
    }
}

impl<T> Shared<T> {
    fn borrow(&self) -> RwLockReadGuard<'_, T> {
        // A task may look at the value while it looks at the value.
        self.value.read_recursive()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.senders.fetch_add(1, Ordering::AcqRel);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.changed.notify_waiters();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.shared.receivers.fetch_add(1, Ordering::AcqRel);
        Receiver { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The same for openraft.
pub(crate) struct Watched;

impl Watch for Watched {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = RwLockReadGuard<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        let sender = Sender::new(init);
        let receiver = sender.receiver();
        (sender, receiver)
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<Watched, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.shared.receivers.load(Ordering::Acquire) == 0 {
            return Err(SendError(value));
        }
        self.modify(|current| *current = value);
        Ok(())
    }

    fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        self.modify_if(modify)
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.borrow()
    }

    fn subscribe(&self) -> Receiver<T> {
        self.receiver()
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<Watched, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        self.next_change().await
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.borrow()
    }

    fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        let value = self.shared.borrow();
        self.seen = self.shared.version.load(Ordering::Acquire);
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::Sender;

    #[tokio::test]
    async fn watchers_wake_in_the_order_in_which_they_began_to_wait() {
        let sender = Sender::new(0);
        let woken: Arc<Mutex<Vec<u32>>> = Arc::default();
        let watchers: Vec<_> = (0..20)
            .map(|number| {
                let (mut receiver, woken) = (sender.receiver(), Arc::clone(&woken));
                tokio::spawn(async move {
                    receiver.next_change().await.unwrap();
                    woken.lock().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        sender.modify(|value| *value += 1);
        for watcher in watchers {
            watcher.await.unwrap();
        }
        assert_eq!(*woken.lock(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_change_is_seen_once_and_the_last_one_even_after_the_sender_is_gone() {
        let sender = Sender::new(0);
        let mut receiver = sender.receiver();
        assert!(!sender.modify_if(|_| false));
        sender.modify(|value| *value = 1);
        sender.modify(|value| *value = 2);
        assert_eq!(receiver.find(|value| (*value == 2).then_some("two")).await.unwrap(), "two");
        receiver.next_change().await.unwrap();
        let waiting = tokio::spawn(async move { receiver.next_change().await.is_err() });
        tokio::task::yield_now().await;
        drop(sender);
        assert!(waiting.await.unwrap());
    }
}
