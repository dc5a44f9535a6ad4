//! Ends open connections when the rights they were opened with end.
//!
//! Each change that ends rights is an entry of the event log. The feed hands these entries to one task for each node,
//! which ends exactly the connections concerned, whatever node made the change.
//!
//! A connection can be opened with remembered rights, and added after the entry that ended them. So it is first added,
//! and then compared with the store: a change is either in the store by then, or its entry comes after the connection
//! was added. Each minute all connections are compared with the store once more, which finds changes made by hand. A
//! store that can't be read ends nothing.
//!
//! Decision: `docs/decisions/0021-rights-end-by-the-log.md`.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use tokio::{
    sync::Notify,
    time::{Instant, interval_at, sleep},
};

use super::{
    super::{
        caches::SessionCache,
        feed::{EventFeed, FeedError, StartAt, Topic},
    },
    connections::{Connection, Connections},
};
use crate::{
    domain::{Clock, EndedRights, Entity, EntityKind, RightsChange, SessionId, Timestamp, UserId, UserRole},
    storage::{self, OwnChanges, SessionUser, Store},
};

/// How often all connections are compared with the store.
const SCAN_EVERY: Duration = Duration::from_secs(60);
/// How long a new connection waits for others that are compared in the same call.
const COLLECT_FOR: Duration = Duration::from_millis(50);
/// How long the task waits after a call that failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How many sessions one call asks for.
const BATCH: usize = 500;

/// The rights of a node's open connections.
pub struct SessionWatch {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sessions: SessionCache,
    connections: Connections,
    /// Notified when a connection is to be compared with the store.
    unchecked: Notify,
}

impl SessionWatch {
    /// Starts the task, which runs until the feed ends. `sessions` forgets the rights that end.
    pub fn start(
        store: Arc<dyn Store>,
        feed: &Arc<EventFeed>,
        clock: Arc<dyn Clock>,
        sessions: SessionCache,
    ) -> Arc<Self> {
        let (connections, unchecked) = (Connections::default(), Notify::new());
        let watch = Arc::new(Self { store, clock, sessions, connections, unchecked });
        let (task, feed) = (Arc::clone(&watch), Arc::downgrade(feed));
        tokio::spawn(async move {
            tokio::select! {
                () = task.follow(feed) => {}
                () = task.check_connections() => {}
            }
        });
        watch
    }

    /// Waits until the session has ended or its user has another role.
    pub async fn ended(&self, user: UserId, session: SessionId, role: UserRole) {
        let mut connection = self.connections.add(user, session, role);
        self.unchecked.notify_one();
        connection.ended().await;
    }

    /// Ends connections by the entries of the log, until the feed ends.
    async fn follow(&self, feed: Weak<EventFeed>) {
        loop {
            let Some(subscribed) = feed.upgrade() else { return };
            let topics = [Topic::Kind(EntityKind::Rights)];
            let mut changes = subscribed.subscribe(topics, StartAt::Now(OwnChanges::default()));
            drop(subscribed);
            // What was missed until now is in the store.
            self.sessions.invalidate_all();
            self.connections.recheck_all();
            self.unchecked.notify_one();
            loop {
                match changes.next().await {
                    Some(Ok(event)) => {
                        if let Entity::Rights(change) = &event.entity {
                            self.end(change).await;
                        }
                    }
                    Some(Err(FeedError::ShuttingDown { .. })) | None => return,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "entries of ended rights were missed; all connections are checked");
                        break;
                    }
                }
            }
        }
    }

    async fn end(&self, change: &RightsChange) {
        match &change.ended {
            EndedRights::Sessions(ended) => {
                for session in ended {
                    self.sessions.invalidate(session).await;
                }
            }
            EndedRights::RolesOtherThan(_) | EndedRights::Everything => self.sessions.invalidate_all(),
        }
        self.connections.end(change);
    }

    /// Compares connections with the store: each once it is open, when its session expires, and all now and then.
    async fn check_connections(&self) {
        let mut scan = interval_at(Instant::now() + SCAN_EVERY, SCAN_EVERY);
        // Those whose sessions expire before the next scan.
        let mut expiring = BTreeSet::new();
        loop {
            tokio::select! {
                () = self.unchecked.notified() => sleep(COLLECT_FOR).await,
                _ = scan.tick() => {
                    expiring.clear();
                    self.connections.recheck_all();
                }
                () = self.first_expiry(&expiring) => {
                    let now = self.clock.now();
                    let expired = expiring.iter().take_while(|(at, _)| *at <= now).map(|(_, connection)| *connection);
                    self.connections.recheck(expired);
                    expiring.retain(|(at, _)| *at > now);
                }
            }
            loop {
                let batch = self.connections.take_unchecked(BATCH);
                if batch.is_empty() {
                    break;
                }
                let checked = AssertUnwindSafe(self.check(&batch)).catch_unwind().await;
                let failure = match checked {
                    Ok(Ok(soon)) => {
                        expiring.extend(soon);
                        continue;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the check panicked".to_owned(),
                };
                tracing::debug!(failure, "the sessions of open connections can't be read");
                self.connections.recheck(batch);
                sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Waits for the first of these times.
    async fn first_expiry(&self, expiring: &BTreeSet<(Timestamp, Connection)>) {
        match expiring.first() {
            Some((at, _)) => sleep(self.clock.now().until(*at)).await,
            None => std::future::pending().await,
        }
    }

    /// Ends the connections whose rights are not those of the store. Returns those whose sessions expire soon.
    async fn check(&self, batch: &[Connection]) -> storage::Result<Vec<(Timestamp, Connection)>> {
        let ids: Vec<SessionId> = batch.iter().map(|connection| connection.session).collect();
        let now = self.clock.now();
        let found = self.store.session_users(&ids, now).await?;
        let (mut ended, mut soon) = (Vec::new(), Vec::new());
        for (connection, session) in batch.iter().zip(found) {
            match session {
                Some(SessionUser { user, expires_at })
                    if (user.id, user.role) == (connection.user, connection.role) =>
                {
                    if expires_at < now.plus(2 * SCAN_EVERY) {
                        soon.push((expires_at, *connection));
                    }
                }
                _ => ended.push(*connection),
            }
        }
        self.connections.remove(ended);
        Ok(soon)
    }
}
