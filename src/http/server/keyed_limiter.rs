//! How many connections somebody has open on this node.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    domain::{UserId, Viewer},
    telemetry::metrics,
};

/// The open connections of each user, or of whatever else they are counted by.
pub(in crate::http) struct KeyedLimiter<K = UserId> {
    limit: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// The place of one connection; dropping it makes room.
pub(in crate::http) struct Permit<K: Eq + Hash + Copy = UserId>(Option<(Arc<KeyedLimiter<K>>, K)>);

impl<K: Eq + Hash + Copy> KeyedLimiter<K> {
    /// With `limit` places for each.
    pub(in crate::http) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::default() })
    }

    /// A place for one more connection, if there is one; who is nobody in particular always gets one.
    pub(in crate::http) fn try_take(self: &Arc<Self>, who: Option<K>) -> Option<Permit<K>> {
        let Some(who) = who else { return Some(Permit(None)) };
        let mut taken = self.taken();
        let count = taken.entry(who).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Permit(Some((self.clone(), who))))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock()
    }
}

impl KeyedLimiter {
    /// A place for one more connection of a viewer. Fails with what to tell the client when there is none.
    pub(in crate::http) fn take(self: &Arc<Self>, viewer: Viewer) -> Result<Permit, String> {
        let too_many = || {
            metrics().refusals.with_labels(["connections_per_user"]).inc();
            format!("Too many connections: at most {} of one user at once", self.limit)
        };
        self.try_take(viewer.user_id()).ok_or_else(too_many)
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        let Some((seats, who)) = self.0.take() else { return };
        if let Entry::Occupied(mut count) = seats.taken().entry(who) {
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
    use crate::domain::{SessionId, UserRole};

    fn user(id: u8) -> Viewer {
        Viewer::User {
            id: UserId::from_bytes([id; 16]),
            role: UserRole::Customer,
            session: SessionId::from_bytes([0; 16]),
        }
    }

    #[test]
    fn each_user_has_their_own_and_gets_them_back() {
        let seats = KeyedLimiter::new(2);
        let taken = [seats.take(user(1)).unwrap(), seats.take(user(1)).unwrap()];
        assert_eq!(
            seats.take(user(1)).map(|_| ()),
            Err("Too many connections: at most 2 of one user at once".to_owned())
        );
        assert!(seats.take(user(2)).is_ok());
        let nobody: Vec<_> = (0..9).map(|_| seats.take(Viewer::Anonymous).unwrap()).collect();
        drop((taken, nobody));
        assert!(seats.taken().is_empty());
        assert!(seats.take(user(1)).is_ok());
    }
}
