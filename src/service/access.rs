//! Authorisation. Each use case begins with one of these checks, so that none is open by accident.

use super::{Result, ServiceError};
use crate::{
    domain::{SessionId, UserId, Viewer},
    storage::{self, StoreError},
};

/// The refusal of an anonymous viewer.
pub(super) const SIGN_IN: ServiceError = ServiceError::Unauthenticated("sign in first");

/// Requires a signed-in user, and returns its id.
pub(super) fn require_user(viewer: &Viewer) -> Result<UserId> {
    viewer.user_id().ok_or(SIGN_IN)
}

/// Requires a signed-in user, and returns its id and the session of the request.
pub(super) fn require_session(viewer: &Viewer) -> Result<(UserId, SessionId)> {
    match viewer {
        Viewer::User { id, session, .. } => Ok((*id, *session)),
        Viewer::Anonymous | Viewer::System => Err(SIGN_IN),
    }
}

/// Requires a user or Orderwire itself: refuses anonymous viewers.
pub(super) fn require_authenticated(viewer: &Viewer) -> Result<()> {
    if *viewer == Viewer::Anonymous { Err(SIGN_IN) } else { Ok(()) }
}

/// Requires staff, an admin or Orderwire itself.
pub(super) fn require_staff(viewer: &Viewer) -> Result<()> {
    require_authenticated(viewer)?;
    if viewer.is_staff() { Ok(()) } else { Err(ServiceError::Forbidden("only staff may do this")) }
}

/// Requires an admin or Orderwire itself.
pub(super) fn require_admin(viewer: &Viewer) -> Result<()> {
    require_authenticated(viewer)?;
    if viewer.is_admin() { Ok(()) } else { Err(ServiceError::Forbidden("only admins may do this")) }
}

/// Requires Orderwire itself, from whom no right is taken away before the write.
pub(super) fn require_system(viewer: &Viewer) -> Result<()> {
    if *viewer == Viewer::System { Ok(()) } else { Err(ServiceError::Forbidden("only Orderwire itself may do this")) }
}

/// Answers `queries` with one call of `fetch` for those that are `Some`, and `empty` for the others. Fails when `fetch`
/// gives more or fewer answers than it got queries.
pub(super) async fn fetch_visible<Q, T>(
    queries: Vec<Option<Q>>,
    empty: impl Fn() -> T,
    fetch: impl AsyncFnOnce(&[Q]) -> storage::Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut answers: Vec<T> = queries.iter().map(|_| empty()).collect();
    let visible = queries.into_iter().enumerate().filter_map(|(place, query)| Some((place, query?)));
    let (places, visible): (Vec<usize>, Vec<Q>) = visible.unzip();
    if visible.is_empty() {
        return Ok(answers);
    }
    let fetched = fetch(&visible).await?;
    if fetched.len() != visible.len() {
        let message = format!("the store gave {} answers to {} queries", fetched.len(), visible.len());
        return Err(StoreError::internal(message).into());
    }
    for (place, answer) in places.into_iter().zip(fetched) {
        answers[place] = answer;
    }
    Ok(answers)
}
