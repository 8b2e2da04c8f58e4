//! An iterator that is run one item ahead on a thread of its own.
//!
//! The one idea: while an item is worked on, the next is being read, and never more than one: memory
//! holds two. Deliberately absent: several readers, which a disk does not reward.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

/// The items of an iterator, in its order.
#[derive(Debug)]
pub(crate) struct Prefetch<T> {
    /// `None` once nobody listens any more.
    receiver: Option<Receiver<T>>,
    worker: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Begins to run an iterator.
    pub(crate) fn new(items: impl Iterator<Item = T> + Send + 'static) -> Self {
        // Without room in the channel, the thread itself holds the one item that is ahead.
        let (sender, receiver) = sync_channel(0);
        let worker = thread::spawn(move || {
            for item in items {
                if sender.send(item).is_err() {
                    return;
                }
            }
        });
        Self {
            receiver: Some(receiver),
            worker: Some(worker),
        }
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Ok(item) = self.receiver.as_ref()?.recv() {
            return Some(item);
        }
        self.receiver = None;
        // A panic of the reader is one of the iterator's: it goes on here.
        if let Some(Err(panic)) = self.worker.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        None
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        // The thread ends when it finds nobody listening; only then are its files closed.
        self.receiver = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn items_come_in_order_and_no_more_than_one_ahead() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let items = (0..10).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        for (taken, item) in Prefetch::new(items).enumerate() {
            assert_eq!(item, taken);
            // One is at hand and one may be ahead; a third may not be begun.
            assert!(made.load(Ordering::SeqCst) <= taken + 2);
        }
        assert_eq!(made.load(Ordering::SeqCst), 10);
    }

    #[test]
    fn an_endless_iterator_ends_when_it_is_dropped() {
        let mut endless = Prefetch::new(0..);
        assert_eq!(endless.next(), Some(0));
        drop(endless);
    }
}
