//! Whose idempotency keys a mutation uses.

use crate::domain::{UserId, Viewer};

/// The owner of the idempotency keys that the viewer sends, who acts as `actor`. An API key owns its own, so that machines of one
/// admin can't get each other's answers.
pub(super) fn owner_of_keys(viewer: &Viewer, actor: UserId) -> UserId {
    match viewer {
        Viewer::Key { id, .. } => UserId::from(id.ulid()),
        _ => actor,
    }
}
