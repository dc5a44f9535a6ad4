//! Authorisation. Each use case begins with one of these checks, so that none is open by accident.

use super::{Result, ServiceError};
use crate::{
    domain::{Scope, SessionId, UserId, UserRole, Viewer},
    storage::{self, StoreError},
};

/// The refusal of an anonymous viewer.
pub(super) const SIGN_IN: ServiceError = ServiceError::Unauthenticated("sign in first");

/// The refusal of an API key that asks for what only users have.
const NO_USER: ServiceError = ServiceError::Forbidden("an API key has no account; sign in as a user to do this");

/// Requires a signed-in user, and returns its id.
pub(super) fn require_user(viewer: &Viewer) -> Result<UserId> {
    match viewer {
        Viewer::User { id, .. } => Ok(*id),
        Viewer::Key { .. } => Err(NO_USER),
        Viewer::Anonymous | Viewer::System => Err(SIGN_IN),
    }
}

/// Requires a viewer who may sign in, which a machine may not: it has its key.
pub(super) fn require_no_key(viewer: &Viewer) -> Result<()> {
    if matches!(viewer, Viewer::Key { .. }) { Err(NO_USER) } else { Ok(()) }
}

/// Requires a signed-in user, and returns its id and the session of the request.
pub(super) fn require_session(viewer: &Viewer) -> Result<(UserId, SessionId)> {
    match viewer {
        Viewer::User { id, session, .. } => Ok((*id, *session)),
        Viewer::Key { .. } => Err(NO_USER),
        Viewer::Anonymous | Viewer::System => Err(SIGN_IN),
    }
}

/// Requires a user, an API key or Orderwire itself: refuses anonymous viewers.
pub(super) fn require_authenticated(viewer: &Viewer) -> Result<()> {
    if *viewer == Viewer::Anonymous { Err(SIGN_IN) } else { Ok(()) }
}

/// Requires what a scope stands for: staff, an API key that has the scope, or Orderwire itself.
pub(super) fn require(viewer: &Viewer, scope: Scope) -> Result<()> {
    require_authenticated(viewer)?;
    if viewer.may(scope) {
        return Ok(());
    }
    Err(match viewer {
        Viewer::Key { .. } => ServiceError::MissingScope(scope),
        _ => ServiceError::Forbidden(match scope.least_role() {
            UserRole::Admin => "only admins may do this",
            UserRole::Staff | UserRole::Customer => "only staff may do this",
        }),
    })
}

/// Requires a viewer who may have something of an area of their own, or reads all of it: a user, an API key that has the scope,
/// or Orderwire itself.
pub(super) fn require_own_or(viewer: &Viewer, scope: Scope) -> Result<()> {
    match viewer {
        Viewer::Key { .. } => require(viewer, scope),
        _ => require_authenticated(viewer),
    }
}

/// Requires a user, or an API key that has the scope, and returns in whose name the viewer makes changes.
pub(super) fn require_actor(viewer: &Viewer, scope: Scope) -> Result<UserId> {
    require_own_or(viewer, scope)?;
    viewer.actor().ok_or(SIGN_IN)
}

/// Requires a viewer who may read webhooks: staff, an API key that manages them, or Orderwire itself.
pub(super) fn require_webhooks(viewer: &Viewer) -> Result<()> {
    let scope = if matches!(viewer, Viewer::Key { .. }) { Scope::ManageWebhooks } else { Scope::ReadEvents };
    require(viewer, scope)
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
