//! The bytes of pages of the log that subscribers hold.
//!
//! A subscriber that has fallen behind holds a page of the log until it has handed over its entries. One that is not read
//! holds it for long, so each client has a share far below what the node may have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::Notify;

use crate::{
    fairness::{Caller, ClientCounters, CounterIndex, try_add},
    storage::PAGE_BYTES,
};

/// Most bytes of pages of all subscribers of this node.
const PAGES: usize = 64 * 1024 * 1024;
/// Most bytes of pages of the subscribers of one client.
const PAGES_OF_CLIENT: usize = 8 * PAGE_BYTES;

/// What subscribers hold.
#[derive(Default)]
pub(super) struct PageBudget {
    node: AtomicUsize,
    clients: ClientCounters,
    released: Notify,
}

/// The bytes of one page, until this is dropped.
pub(super) struct HeldPage {
    budget: Arc<PageBudget>,
    client: CounterIndex,
    bytes: usize,
}

impl PageBudget {
    /// Waits for room for a page of this caller. Orderwire itself, which ends connections by the log, does not wait.
    pub(super) async fn acquire(self: &Arc<Self>, caller: Caller) -> HeldPage {
        let client = self.clients.index(caller);
        loop {
            let released = self.released.notified();
            if let Some(page) = self.try_acquire(caller, client) {
                return page;
            }
            released.await;
        }
    }

    fn try_acquire(self: &Arc<Self>, caller: Caller, client: CounterIndex) -> Option<HeldPage> {
        let (of_client, of_node) =
            if caller == Caller::Server { (usize::MAX, usize::MAX) } else { (PAGES_OF_CLIENT, PAGES) };
        if !self.clients.try_add(client, PAGE_BYTES, of_client) {
            return None;
        }
        if !try_add(&self.node, PAGE_BYTES, of_node) {
            self.clients.subtract(client, PAGE_BYTES);
            return None;
        }
        Some(HeldPage { budget: self.clone(), client, bytes: PAGE_BYTES })
    }

    fn release(&self, client: CounterIndex, bytes: usize) {
        if bytes > 0 {
            self.clients.subtract(client, bytes);
            self.node.fetch_sub(bytes, Relaxed);
            self.released.notify_waiters();
        }
    }
}

impl HeldPage {
    /// Gives back what the page does not need; it has this many bytes. A page of one entry can have somewhat more than others.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let unused = self.bytes.saturating_sub(bytes);
        self.bytes -= unused;
        self.budget.release(self.client, unused);
    }
}

impl Drop for HeldPage {
    fn drop(&mut self) {
        self.budget.release(self.client, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::domain::{Timestamp, UserId};

    fn caller(name: &str) -> Caller {
        Caller::User(UserId::derived(Timestamp::from_unix_millis(1), "test", name))
    }

    #[tokio::test]
    async fn a_client_that_holds_its_share_of_pages_waits_and_others_do_not() {
        let budget = Arc::new(PageBudget::default());
        let mut pages = Vec::new();
        for _ in 0..PAGES_OF_CLIENT / PAGE_BYTES {
            pages.push(budget.acquire(caller("a")).await);
        }
        let mut waiting = Box::pin(budget.acquire(caller("a")));
        assert!(poll!(&mut waiting).is_pending());
        drop(budget.acquire(caller("b")).await);
        assert!(poll!(&mut waiting).is_pending());
        pages[0].shrink(0);
        assert!(poll!(&mut waiting).is_ready());
        drop((pages, waiting));
        assert_eq!(budget.node.load(Relaxed), 0);
    }
}
