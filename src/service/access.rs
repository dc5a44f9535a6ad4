//! Who may call what. Each use case begins with one of these, so that nothing is open by accident.

use super::{Result, ServiceError};
use crate::domain::{OrderFilter, ProductFilter, ProductStatus, SessionId, TaskFilter, UserId, Viewer};

const SIGN_IN: ServiceError = ServiceError::Unauthenticated("sign in first");

/// The signed-in user.
pub(super) fn require_user(viewer: &Viewer) -> Result<UserId> {
    viewer.user_id().ok_or(SIGN_IN)
}

/// The signed-in user and the session the request came in.
pub(super) fn require_session(viewer: &Viewer) -> Result<(UserId, SessionId)> {
    match viewer {
        Viewer::User { id, session, .. } => Ok((*id, *session)),
        Viewer::Anonymous | Viewer::System => Err(SIGN_IN),
    }
}

/// Anyone but an anonymous viewer.
pub(super) fn require_authenticated(viewer: &Viewer) -> Result<()> {
    if *viewer == Viewer::Anonymous { Err(SIGN_IN) } else { Ok(()) }
}

/// Staff, admins and Orderwire itself.
pub(super) fn require_staff(viewer: &Viewer) -> Result<()> {
    require_authenticated(viewer)?;
    if viewer.is_staff() { Ok(()) } else { Err(ServiceError::Forbidden("only staff may do this")) }
}

/// Admins and Orderwire itself.
pub(super) fn require_admin(viewer: &Viewer) -> Result<()> {
    require_authenticated(viewer)?;
    if viewer.is_admin() { Ok(()) } else { Err(ServiceError::Forbidden("only admins may do this")) }
}

/// What of `filter` the viewer may see; `None` when that is nothing.
pub(super) fn scope_products(viewer: &Viewer, mut filter: ProductFilter) -> Option<ProductFilter> {
    if !viewer.is_staff() {
        if filter.status == Some(ProductStatus::Archived) {
            return None;
        }
        filter.status = Some(ProductStatus::Active);
    }
    Some(filter)
}

/// What of `filter` the viewer may see; `None` when that is nothing.
pub(super) fn scope_orders(viewer: &Viewer, mut filter: OrderFilter) -> Option<OrderFilter> {
    if !viewer.is_staff() {
        let own = viewer.user_id()?;
        if filter.customer.is_some_and(|customer| customer != own) {
            return None;
        }
        filter.customer = Some(own);
    }
    Some(filter)
}

/// What of `filter` the viewer may see; `None` when that is nothing.
pub(super) fn scope_tasks(viewer: &Viewer, mut filter: TaskFilter) -> Option<TaskFilter> {
    if !viewer.is_staff() {
        let own = viewer.user_id()?;
        if filter.visible_to.is_some_and(|user| user != own) {
            return None;
        }
        filter.visible_to = Some(own);
    }
    Some(filter)
}
