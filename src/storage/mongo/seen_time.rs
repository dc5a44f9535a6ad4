//! Reads that never go back in time, not even when another server becomes the primary.
//!
//! A read with majority read concern sees what its server knows to be confirmed. A server that has just become the primary
//! may know less of that than the one before. So the store remembers the operation time of the newest that it has read or
//! committed, and each read says that it comes after that time (`afterClusterTime`): the server answers when it knows as
//! much, which usually is at once.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::ops::{Deref, DerefMut};

use bson::Timestamp;
use mongodb::ClientSession;
use parking_lot::Mutex;

/// The operation time of the newest that this store has read or committed.
#[derive(Default)]
pub(super) struct SeenTime(Mutex<Option<Timestamp>>);

impl SeenTime {
    /// Notes what a session has read or committed.
    pub(super) fn note(&self, session: &ClientSession) {
        let mut seen = self.0.lock();
        *seen = (*seen).max(session.operation_time());
    }
}

/// A session whose reads come after everything that the store has read or committed.
pub(super) struct CausalSession<'s> {
    session: ClientSession,
    seen: &'s SeenTime,
}

impl<'s> CausalSession<'s> {
    /// Makes the reads of a causally consistent session come after what is seen.
    pub(super) fn new(mut session: ClientSession, seen: &'s SeenTime) -> Self {
        let after = *seen.0.lock();
        if let Some(after) = after {
            session.advance_operation_time(after);
        }
        Self { session, seen }
    }
}

impl Deref for CausalSession<'_> {
    type Target = ClientSession;

    fn deref(&self) -> &ClientSession {
        &self.session
    }
}

impl DerefMut for CausalSession<'_> {
    fn deref_mut(&mut self) -> &mut ClientSession {
        &mut self.session
    }
}

impl Drop for CausalSession<'_> {
    fn drop(&mut self) {
        self.seen.note(&self.session);
    }
}
