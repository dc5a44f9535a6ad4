//! Who sends a request: from an access token to a viewer with the rights they have now.

mod watch;

use std::{sync::Arc, time::Duration};

pub(super) use watch::SessionWatch;

use super::{Result, Service, ServiceError, product::shared_error};
use crate::domain::{SessionId, Timestamp, UserId, UserRole, Viewer};

/// How long a node may go on with the rights it read last: well within the 2 s that a revocation may take.
const RIGHTS_TTL: Duration = Duration::from_secs(1);
/// Sessions whose rights a node remembers.
const RIGHTS_CAPACITY: u64 = 100_000;

/// The user and role behind a session; `None` when it has ended.
pub(super) type SessionCache = moka::future::Cache<SessionId, Option<(UserId, UserRole)>>;

pub(super) fn cache() -> SessionCache {
    moka::future::Cache::builder().max_capacity(RIGHTS_CAPACITY).time_to_live(RIGHTS_TTL).build()
}

/// A viewer and how long their token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub viewer: Viewer,
    /// When the token expires; `None` for anonymous viewers.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// The viewer behind an access token; without one, the anonymous viewer. A token that is malformed, expired or of
    /// an ended session is an error, never silently anonymous.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Authenticated> {
        let Some(token) = token else {
            return Ok(Authenticated { viewer: Viewer::Anonymous, expires_at: None });
        };
        let now = self.now();
        let claims = self
            .tokens
            .verify(token, now)
            .map_err(|_| ServiceError::Unauthenticated("the access token is not valid or has expired"))?;
        let load = async {
            let user = self.store.session_users(&[claims.session], now).await.map_err(Arc::new)?.pop().flatten();
            Ok(user.map(|user| (user.id, user.role)))
        };
        let rights = self
            .sessions
            .try_get_with(claims.session, load)
            .await
            .map_err(|error: Arc<Arc<_>>| shared_error(Arc::clone(&error)))?;
        match rights {
            Some((id, role)) if id == claims.user => Ok(Authenticated {
                viewer: Viewer::User { id, role, session: claims.session },
                expires_at: Some(claims.expires_at),
            }),
            _ => Err(ServiceError::Unauthenticated("the session has ended; sign in again")),
        }
    }

    /// Waits until a viewer's rights end: the session has ended, or the user's role is another one. At most 2 s after
    /// it happened, on whichever node; never for viewers without a session.
    pub async fn ended(&self, viewer: &Viewer) {
        match viewer {
            Viewer::User { id, role, session } => self.watch.ended(*session, (*id, *role)).await,
            Viewer::Anonymous | Viewer::System => std::future::pending().await,
        }
    }
}
