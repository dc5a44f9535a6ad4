//! What this process has committed and not numbered yet, and who is numbering.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    domain::{EventId, Seq},
    storage::OwnChanges,
};

/// How long another process that was found numbering counts as doing so.
const OTHER_FOR: Duration = Duration::from_secs(1);

/// The state of this process's part in numbering. A change is named by the id of its
/// first entry, which is that of its document in the outbox.
#[derive(Default)]
pub(super) struct Unnumbered(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether the task that numbers is running.
    running: bool,
    /// Whether something was committed that the running task may not have seen.
    requested: bool,
    /// When another process was last found to be numbering.
    other_seen: Option<Instant>,
    /// Changes of this process that may still be in the outbox, with the ids of their entries.
    waiting: HashMap<EventId, Vec<EventId>>,
    /// The log has all other changes of this process up to this number.
    logged: Seq,
}

impl Unnumbered {
    /// Notes the entries of a change that was committed. Returns whether the task that numbers has to be started.
    pub(super) fn committed(&self, entries: Vec<EventId>) -> bool {
        let Some(change) = entries.first().copied() else { return false };
        let mut state = self.0.lock();
        state.waiting.insert(change, entries);
        state.requested = true;
        !std::mem::replace(&mut state.running, true)
    }

    /// Whether the running task goes on: something was committed since it last asked, or it `lingers`. Otherwise it has
    /// ended with this call.
    pub(super) fn goes_on(&self, lingers: bool) -> bool {
        let mut state = self.0.lock();
        let requested = std::mem::take(&mut state.requested);
        state.running = requested || lingers;
        state.running
    }

    /// Ends the running task after a failure.
    pub(super) fn failed(&self) {
        self.0.lock().running = false;
    }

    /// Notes that the log has these changes, up to the number `last`.
    pub(super) fn logged<'c>(&self, changes: impl IntoIterator<Item = &'c EventId>, last: Seq) {
        let mut state = self.0.lock();
        for change in changes {
            if state.waiting.remove(change).is_some() {
                state.logged = state.logged.max(last);
            }
        }
    }

    /// Forgets that the log had entries above this number, because it has lost them.
    pub(super) fn logged_at_most(&self, head: Seq) {
        let mut state = self.0.lock();
        state.logged = state.logged.min(head);
    }

    /// The changes of this process that may still be in the outbox.
    pub(super) fn waiting(&self) -> Vec<EventId> {
        self.0.lock().waiting.keys().copied().collect()
    }

    /// Those of these changes that may still be in the outbox.
    pub(super) fn still_waiting(&self, mut changes: Vec<EventId>) -> Vec<EventId> {
        let state = self.0.lock();
        changes.retain(|change| state.waiting.contains_key(change));
        changes
    }

    /// What this process has committed.
    pub(super) fn own_changes(&self) -> OwnChanges {
        let state = self.0.lock();
        OwnChanges { logged: state.logged, unnumbered: state.waiting.values().flatten().copied().collect() }
    }

    /// Notes that this process has numbered, so that no other one is.
    pub(super) fn numbers_itself(&self) {
        self.0.lock().other_seen = None;
    }

    /// Notes that another process has numbered.
    pub(super) fn found_other(&self) {
        self.0.lock().other_seen = Some(Instant::now());
    }

    /// Whether another process was found to be numbering a short time ago.
    pub(super) fn other_is_numbering(&self) -> bool {
        self.0.lock().other_seen.is_some_and(|at| at.elapsed() < OTHER_FOR)
    }
}
