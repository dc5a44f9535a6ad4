//! The rights that a node's open connections were opened with.
//!
//! Decision: `docs/decisions/0021-rights-end-by-the-log.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use crate::domain::{EndedRights, RightsChange, SessionId, UserId, UserRole};

/// What one connection was opened with. Sorts by user and session, so that those of a user, and those of a session, are
/// neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Connection {
    pub user: UserId,
    pub session: SessionId,
    pub role: UserRole,
    /// Tells connections with the same rights apart.
    number: u64,
}

impl Connection {
    /// The range of a user's connections in these sessions, from the first to the last.
    fn range(user: UserId, first: SessionId, last: SessionId) -> RangeInclusive<Self> {
        let [least, most] = [UserRole::Customer, UserRole::Admin];
        Self { user, session: first, role: least, number: 0 }..=Self {
            user,
            session: last,
            role: most,
            number: u64::MAX,
        }
    }
}

/// The open connections of a node.
#[derive(Default)]
pub(super) struct Connections(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many were ever added; the last one has this number.
    added: u64,
    /// The connection learns that its rights have ended when its sender is dropped.
    open: BTreeMap<Connection, oneshot::Sender<()>>,
    /// Those that are to be compared with the store.
    unchecked: BTreeSet<Connection>,
}

/// A connection among [`Connections`], until it is dropped.
pub(super) struct OpenConnection<'c> {
    connections: &'c Connections,
    connection: Connection,
    ended: oneshot::Receiver<()>,
}

impl OpenConnection<'_> {
    /// Waits until the rights of the connection end.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: the sender is dropped.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.connections.remove([self.connection]);
    }
}

impl Connections {
    /// Adds a connection, which is to be compared with the store.
    pub fn add(&self, user: UserId, session: SessionId, role: UserRole) -> OpenConnection<'_> {
        let (sender, ended) = oneshot::channel();
        let mut state = self.state();
        state.added += 1;
        let connection = Connection { user, session, role, number: state.added };
        state.open.insert(connection, sender);
        state.unchecked.insert(connection);
        drop(state);
        OpenConnection { connections: self, connection, ended }
    }

    /// Ends the connections that have what the change ended.
    pub fn end(&self, change: &RightsChange) {
        let state = self.state();
        let open = |first, last| state.open.range(Connection::range(change.user, first, last)).map(|(open, _)| *open);
        let of_user = || open(SessionId::from_bytes([0; 16]), SessionId::from_bytes([u8::MAX; 16]));
        let ended: Vec<Connection> = match &change.ended {
            EndedRights::Sessions(sessions) => sessions.iter().flat_map(|session| open(*session, *session)).collect(),
            EndedRights::RolesOtherThan(role) => of_user().filter(|open| open.role != *role).collect(),
            EndedRights::Everything => of_user().collect(),
        };
        drop(state);
        self.remove(ended);
    }

    /// Removes these connections. Those that wait for the end of their rights are woken.
    pub fn remove(&self, connections: impl IntoIterator<Item = Connection>) {
        let mut state = self.state();
        let remove = |connection| {
            state.unchecked.remove(&connection);
            state.open.remove(&connection)
        };
        let senders: Vec<_> = connections.into_iter().filter_map(remove).collect();
        // Waking a task may drop another connection, which needs the lock.
        drop(state);
        drop(senders);
    }

    /// Has all connections compared with the store.
    pub fn recheck_all(&self) {
        let mut state = self.state();
        state.unchecked = state.open.keys().copied().collect();
    }

    /// Has these connections, as far as they are still open, compared with the store.
    pub fn recheck(&self, connections: impl IntoIterator<Item = Connection>) {
        let State { open, unchecked, .. } = &mut *self.state();
        unchecked.extend(connections.into_iter().filter(|connection| open.contains_key(connection)));
    }

    /// Takes some of those that are to be compared with the store.
    pub fn take_unchecked(&self, most: usize) -> Vec<Connection> {
        let unchecked = &mut self.state().unchecked;
        std::iter::from_fn(|| unchecked.pop_first()).take(most).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ROLES: [UserRole; 3] = UserRole::ALL;

    fn user(number: u8) -> UserId {
        UserId::from_bytes([number; 16])
    }

    fn session(number: u8) -> SessionId {
        SessionId::from_bytes([number; 16])
    }

    /// Each combination of two users, three sessions and all roles, the first and last possible ones among them.
    fn all(connections: &Connections) -> Vec<OpenConnection<'_>> {
        let mut open = Vec::new();
        for (user, session) in [0, u8::MAX].into_iter().flat_map(|user| [0, 7, u8::MAX].map(|session| (user, session)))
        {
            open.extend(ROLES.map(|role| connections.add(self::user(user), self::session(session), role)));
        }
        open
    }

    #[test]
    fn a_change_ends_exactly_the_connections_concerned() {
        use EndedRights::*;
        for user in [user(0), user(u8::MAX), user(9)] {
            let sessions = [&[0][..], &[7], &[8], &[7, 8, u8::MAX]];
            let sessions = sessions.map(|numbers| Sessions(numbers.iter().copied().map(session).collect()));
            for ended in sessions.into_iter().chain(ROLES.map(RolesOtherThan)).chain([Everything]) {
                let (connections, change) = (Connections::default(), RightsChange { user, ended });
                let mut open = all(&connections);
                connections.end(&change);
                for open in &mut open {
                    let Connection { user: own, session, role, .. } = open.connection;
                    let has_ended = match &change.ended {
                        Sessions(sessions) => sessions.contains(&session),
                        RolesOtherThan(current) => role != *current,
                        Everything => true,
                    };
                    let expected = own == user && has_ended;
                    assert_eq!(open.ended().now_or_never().is_some(), expected, "{change:?} {session} {role:?}");
                }
                drop(open);
                assert!(connections.state().open.is_empty() && connections.state().unchecked.is_empty());
            }
        }
    }

    #[test]
    fn connections_with_the_same_rights_are_told_apart() {
        let connections = Connections::default();
        let [first, mut second] = [0; 2].map(|_| connections.add(user(1), session(1), UserRole::Staff));
        drop(first);
        assert_eq!(second.ended().now_or_never(), None, "closing one leaves the other");
        connections.end(&RightsChange::sessions(user(1), &[session(1)])[0]);
        let mut third = connections.add(user(1), session(1), UserRole::Staff);
        drop(second);
        assert_eq!(third.ended().now_or_never(), None, "dropping an ended one leaves a new one");
        connections.end(&RightsChange { user: user(1), ended: EndedRights::Everything });
        assert_eq!(third.ended().now_or_never(), Some(()));
    }

    #[test]
    fn each_open_connection_is_checked_once_and_again_on_demand() {
        let connections = Connections::default();
        let mut open = all(&connections);
        let first = connections.take_unchecked(10);
        assert_eq!(
            (first.len(), connections.take_unchecked(10).len(), connections.take_unchecked(10).len()),
            (10, 8, 0)
        );
        open.retain(|open| open.connection != first[3]);
        connections.recheck(first.clone());
        assert!(connections.take_unchecked(10).iter().eq(first.iter().filter(|connection| **connection != first[3])));
        connections.recheck_all();
        assert_eq!(connections.take_unchecked(100).len(), 17);
    }
}
