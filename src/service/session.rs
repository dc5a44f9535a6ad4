//! Authentication: turns an access token into a viewer with its current rights.

mod connections;
mod watch;

use std::sync::Arc;

pub(super) use watch::SessionWatch;

use super::{Result, Service, ServiceError, access, error::shared_load_error};
use crate::{
    auth::{ApiKeySecret, OperationHash, StreamTicket},
    domain::{SessionId, Timestamp, UserId, UserRole, Viewer},
    storage::SessionUser,
    telemetry::metrics::{CacheName, metrics},
};

/// A viewer, and when its token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// The viewer with its current rights.
    pub viewer: Viewer,
    /// When the token or API key expires; `None` for anonymous viewers, keys that do not expire, and holders of tickets, who
    /// may stream until their session ends.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// The viewer behind an access token or the secret of an API key; without one, the anonymous viewer. A token that is
    /// malformed, expired or of an ended session, and a key that was revoked, are errors, never silently anonymous.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Authenticated> {
        let Some(token) = token else {
            return Ok(Authenticated { viewer: Viewer::Anonymous, expires_at: None });
        };
        if ApiKeySecret::is_meant_by(token) {
            return self.authenticate_api_key(token).await;
        }
        let now = self.now();
        let claims = self
            .tokens
            .verify(token, now)
            .map_err(|_| ServiceError::Unauthenticated("the access token is not valid or has expired"))?;
        let viewer = self.session_viewer(claims.user, claims.session, now).await?;
        Ok(Authenticated { viewer, expires_at: Some(claims.expires_at) })
    }

    /// The viewer with the rights they have now: anonymous once their session has ended, or their key was revoked.
    pub async fn current_rights(&self, viewer: Viewer) -> Result<Viewer> {
        let current = match viewer {
            Viewer::User { id, session, .. } => self.session_viewer(id, session, self.now()).await,
            Viewer::Key { id, creator, scopes, .. } => self.api_key_viewer(id, creator, scopes, self.now()).await,
            Viewer::Anonymous | Viewer::System => return Ok(viewer),
        };
        match current {
            Err(ServiceError::Unauthenticated(_)) => Ok(Viewer::Anonymous),
            current => current,
        }
    }

    /// A ticket for an event stream of one operation, in the viewer's session.
    pub fn create_stream_ticket(&self, viewer: &Viewer, operation: OperationHash) -> Result<StreamTicket> {
        let (user, session) = access::require_session(viewer)?;
        let ticket = self.tokens.issue_ticket(user, session, operation, self.now());
        ticket.map_err(|error| ServiceError::Internal(Box::new(error)))
    }

    /// The viewer behind a ticket for `operation`. An expired ticket can only resume a stream.
    pub async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated> {
        let now = self.now();
        let claims =
            self.tokens.read_ticket(ticket).map_err(|_| ServiceError::Unauthenticated("the ticket is not valid"))?;
        if claims.operation != operation {
            return Err(ServiceError::Unauthenticated("the ticket is for another operation"));
        }
        if now >= claims.expires_at && !resumes {
            return Err(ServiceError::Unauthenticated("the ticket has expired; make another"));
        }
        let viewer = self.session_viewer(claims.user, claims.session, now).await?;
        Ok(Authenticated { viewer, expires_at: None })
    }

    /// The viewer in a session that has not ended, with the rights they have now.
    async fn session_viewer(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<Viewer> {
        match self.session_rights(session, now).await? {
            Some((id, role)) if id == user => Ok(Viewer::User { id, role, session }),
            _ => Err(ServiceError::Unauthenticated("the session has ended; sign in again")),
        }
    }

    /// The user and role behind a session or API key, at most 1 s old; `None` if it has ended.
    pub(super) async fn session_rights(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<(UserId, UserRole)>> {
        metrics().cache_lookups.get(CacheName::Sessions).inc();
        let load = async {
            metrics().cache_misses.get(CacheName::Sessions).inc();
            let user = self.store.session_users(&[session], now).await.map_err(Arc::new)?.pop().flatten();
            Ok(user.map(|SessionUser { user, .. }| (user.id, user.role)))
        };
        let rights = self.sessions.try_get_with(session, load).await;
        rights.map_err(|error: Arc<Arc<_>>| shared_load_error(Arc::clone(&error)))
    }

    /// Waits until a viewer's rights end: the session has ended, the API key was revoked, or the role of the user, or of the
    /// key's creator, is another one. Returns within 2 s of the change, on whichever node it was made, also if it was made
    /// before the call. Never returns for anonymous viewers.
    pub async fn rights_ended(&self, viewer: &Viewer) {
        match viewer {
            Viewer::User { id, role, session } => self.watch.ended(*id, *session, *role).await,
            Viewer::Key { id, creator, creator_role, .. } => {
                self.watch.ended(*creator, id.as_session(), *creator_role).await;
            }
            Viewer::Anonymous | Viewer::System => std::future::pending().await,
        }
    }
}
