//! Limits how many permits each key holds at once, for example connections per user.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    domain::{ClientAddress, Viewer},
    fairness::Caller,
    telemetry::metrics,
};

/// Hands out up to `limit` permits for each key.
pub(in crate::http) struct KeyedLimiter<K = Caller> {
    limit: usize,
    counts: Mutex<HashMap<K, usize>>,
}

/// One permit of a [`KeyedLimiter`]; released on drop.
pub(in crate::http) struct Permit<K: Eq + Hash + Copy = Caller>(Option<(Arc<KeyedLimiter<K>>, K)>);

impl<K: Eq + Hash + Copy> KeyedLimiter<K> {
    /// A limiter with `limit` permits for each key.
    pub(in crate::http) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, counts: Mutex::default() })
    }

    /// A permit for `key`, or `None` when all are in use. Without a key there is no limit.
    pub(in crate::http) fn try_acquire(self: &Arc<Self>, key: Option<K>) -> Option<Permit<K>> {
        let Some(key) = key else { return Some(Permit(None)) };
        let mut counts = self.counts();
        let count = counts.entry(key).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Permit(Some((self.clone(), key))))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.counts.lock()
    }
}

impl KeyedLimiter {
    /// A permit for one more connection of the viewer; anonymous viewers have no limit. The error is the message for
    /// the client.
    pub(in crate::http) fn acquire_for_viewer(self: &Arc<Self>, viewer: Viewer) -> Result<Permit, String> {
        let too_many = || {
            metrics().refusals.with_labels(["connections_per_user"]).inc();
            format!("Too many connections: at most {} of one user at once", self.limit)
        };
        self.try_acquire(Caller::known(&viewer)).ok_or_else(too_many)
    }
}

impl KeyedLimiter<ClientAddress> {
    /// A permit for one more connection of the address; `None`, which is not limited, has one always. The error is the message
    /// for the client.
    pub(in crate::http) fn acquire_for_client(
        self: &Arc<Self>,
        client: Option<ClientAddress>,
    ) -> Result<Permit<ClientAddress>, String> {
        let too_many = || {
            metrics().refusals.with_labels(["connections_per_address"]).inc();
            format!("Too many connections: at most {} of one address at once", self.limit)
        };
        self.try_acquire(client).ok_or_else(too_many)
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        let Some((limiter, key)) = self.0.take() else { return };
        if let Entry::Occupied(mut count) = limiter.counts().entry(key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionId, UserId, UserRole};

    fn user(id: u8) -> Viewer {
        Viewer::User {
            id: UserId::from_bytes([id; 16]),
            role: UserRole::Customer,
            session: SessionId::from_bytes([0; 16]),
        }
    }

    #[test]
    fn permits_are_counted_per_user_and_released_on_drop() {
        let limiter = KeyedLimiter::new(2);
        let permits = [limiter.acquire_for_viewer(user(1)).unwrap(), limiter.acquire_for_viewer(user(1)).unwrap()];
        assert_eq!(
            limiter.acquire_for_viewer(user(1)).map(|_| ()),
            Err("Too many connections: at most 2 of one user at once".to_owned())
        );
        assert!(limiter.acquire_for_viewer(user(2)).is_ok());
        let anonymous: Vec<_> = (0..9).map(|_| limiter.acquire_for_viewer(Viewer::Anonymous).unwrap()).collect();
        drop((permits, anonymous));
        assert!(limiter.counts().is_empty());
        assert!(limiter.acquire_for_viewer(user(1)).is_ok());
    }
}
