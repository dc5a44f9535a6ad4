//! Reads that are under way, so that many who miss the same thing at the same time read it once.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::key::Key;

/// What is being read, and the channel that closes when it has been.
#[derive(Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

/// A read by this task. Others wait for it until it is dropped.
pub(super) struct Flight {
    key: Key,
    flights: Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>,
    _end: watch::Sender<()>,
}

/// Who reads something.
pub(super) enum Role {
    /// This task.
    Leads(Flight),
    /// Another task; the channel closes when it is done.
    Awaits(watch::Receiver<()>),
}

impl Flights {
    /// Leads the read of `key`, or awaits the one that is under way.
    pub(super) fn join(&self, key: Key) -> Role {
        let mut flights = self.0.lock();
        if let Some(end) = flights.get(&key) {
            return Role::Awaits(end.clone());
        }
        let (end, ended) = watch::channel(());
        flights.insert(key.clone(), ended);
        Role::Leads(Flight { key, flights: Arc::clone(&self.0), _end: end })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}
