//! Authentication: turns an access token into a viewer with its current rights.

mod connections;
mod watch;

use std::sync::Arc;

pub(super) use watch::SessionWatch;

use super::{Result, Service, ServiceError, access, error::shared_load_error};
use crate::{
    auth::{OperationHash, StreamTicket},
    domain::{SessionId, Timestamp, UserId, Viewer},
    storage::SessionUser,
    telemetry::metrics::{CacheName, metrics},
};

/// A viewer, and when its token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// The viewer with its current rights.
    pub viewer: Viewer,
    /// When the token expires; `None` for anonymous viewers, and for holders of tickets, who may stream until their session ends.
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
        let viewer = self.session_viewer(claims.user, claims.session, now).await?;
        Ok(Authenticated { viewer, expires_at: Some(claims.expires_at) })
    }

    /// The viewer with the rights they have now: anonymous once their session has ended.
    pub async fn current_rights(&self, viewer: Viewer) -> Result<Viewer> {
        let Viewer::User { id, session, .. } = viewer else { return Ok(viewer) };
        match self.session_viewer(id, session, self.now()).await {
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
        metrics().cache_lookups.get(CacheName::Sessions).inc();
        let load = async {
            metrics().cache_misses.get(CacheName::Sessions).inc();
            let user = self.store.session_users(&[session], now).await.map_err(Arc::new)?.pop().flatten();
            Ok(user.map(|SessionUser { user, .. }| (user.id, user.role)))
        };
        let rights = self
            .sessions
            .try_get_with(session, load)
            .await
            .map_err(|error: Arc<Arc<_>>| shared_load_error(Arc::clone(&error)))?;
        match rights {
            Some((id, role)) if id == user => Ok(Viewer::User { id, role, session }),
            _ => Err(ServiceError::Unauthenticated("the session has ended; sign in again")),
        }
    }

    /// Waits until a viewer's rights end: the session has ended, or the user's role is another one. Returns within 2 s of
    /// the change, on whichever node it was made, also if it was made before the call. Never returns for viewers without
    /// a session.
    pub async fn rights_ended(&self, viewer: &Viewer) {
        match viewer {
            Viewer::User { id, role, session } => self.watch.ended(*id, *session, *role).await,
            Viewer::Anonymous | Viewer::System => std::future::pending().await,
        }
    }
}
