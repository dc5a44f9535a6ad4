//! How many connections a user has open on this node.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{UserId, Viewer},
    telemetry::metrics,
};

/// The open connections of each user.
pub(super) struct Seats {
    limit: usize,
    taken: Mutex<HashMap<UserId, usize>>,
}

/// The place of one connection; dropping it makes room.
pub(super) struct Seat(Option<(Arc<Seats>, UserId)>);

impl Seats {
    /// With `limit` places for each user.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::default() })
    }

    /// A place for one more connection; viewers that are no users always get one.
    /// Fails with what to tell the client when there is none.
    pub(super) fn take(self: &Arc<Self>, viewer: Viewer) -> Result<Seat, String> {
        let Some(user) = viewer.user_id() else { return Ok(Seat(None)) };
        let mut taken = self.taken();
        let count = taken.entry(user).or_default();
        if *count >= self.limit {
            metrics().refusals.of(["connections_per_user"]).inc();
            return Err(format!("Too many connections: at most {} of one user at once", self.limit));
        }
        *count += 1;
        Ok(Seat(Some((self.clone(), user))))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((seats, user)) = self.0.take() else { return };
        if let Entry::Occupied(mut count) = seats.taken().entry(user) {
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
        let seats = Seats::new(2);
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
