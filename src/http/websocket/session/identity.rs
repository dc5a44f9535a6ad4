//! The viewer of a socket: authentication, renewal, and the end of its rights.

use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::ServerError;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::Instant;

use crate::{
    domain::{Timestamp, Viewer},
    graphql::Authenticated,
    http::{
        deadline::to_instant,
        graphql_error::{code, coded},
        middleware::panics,
        server::Permit,
        state::HttpState,
    },
};

/// The result of checking a token, or the end of the rights that one gave.
pub(in crate::http::websocket) enum IdentityEvent {
    /// The first token is valid: the connection is open.
    Authenticated,
    /// A new token is valid; it expires at this time.
    Renewed(Option<Timestamp>),
    /// The connection must be closed with this code and reason.
    Rejected(u16, Cow<'static, str>),
}

/// The viewer of a socket. Unknown until the token of `connection_init` was checked.
pub(in crate::http::websocket) struct Identity {
    http: Arc<HttpState>,
    /// The `Authorization` header of the handshake, used when `connection_init` has none.
    handshake: Option<String>,
    check: Option<BoxFuture<'static, Result<Authenticated, ServerError>>>,
    viewer: Option<Viewer>,
    /// Completes when the viewer's rights end.
    ended: Option<BoxFuture<'static, ()>>,
    permit: Option<Permit>,
    expires_at: Option<Instant>,
}

impl Identity {
    pub(in crate::http::websocket) fn unknown(http: Arc<HttpState>, handshake: Option<String>) -> Self {
        Self { http, handshake, check: None, viewer: None, ended: None, permit: None, expires_at: None }
    }

    /// The viewer, once the connection is open.
    pub(in crate::http::websocket) fn viewer(&self) -> Option<Viewer> {
        self.viewer
    }

    /// Whether a token is being checked.
    pub(in crate::http::websocket) fn is_checking(&self) -> bool {
        self.check.is_some()
    }

    /// When the token expires.
    pub(in crate::http::websocket) fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }

    /// Starts to check a token.
    pub(in crate::http::websocket) fn check(&mut self, authorization: Option<String>) {
        let (http, authorization) = (self.http.clone(), authorization.or_else(|| self.handshake.take()));
        self.check = Some(Box::pin(async move {
            let viewer = AssertUnwindSafe(http.endpoint.viewer(authorization.as_deref())).catch_unwind().await;
            viewer.unwrap_or_else(|panic| {
                tracing::error!(panic = panics::message(&*panic), "the check of a token panicked");
                Err(coded("Internal error", "INTERNAL"))
            })
        }));
    }

    /// Ready when a token was checked, or when the rights that it gave have ended.
    pub(in crate::http::websocket) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<IdentityEvent> {
        if self.ended.as_mut().is_some_and(|ended| ended.as_mut().poll(cx).is_ready()) {
            self.ended = None;
            let is_key = matches!(self.viewer, Some(Viewer::Key { .. }));
            let reason = if is_key { "API key not valid any more" } else { "Session ended" };
            return Poll::Ready(IdentityEvent::Rejected(4403, reason.into()));
        }
        let Some(check) = &mut self.check else { return Poll::Pending };
        check.as_mut().poll(cx).map(|checked| {
            self.check = None;
            self.decide(checked)
        })
    }

    fn decide(&mut self, checked: Result<Authenticated, ServerError>) -> IdentityEvent {
        let Authenticated { viewer, expires_at } = match checked {
            Ok(authenticated) => authenticated,
            Err(error) if ["UNAVAILABLE", "INTERNAL"].contains(&code(&error)) => {
                return IdentityEvent::Rejected(1013, "Try again later".into());
            }
            Err(_) => return IdentityEvent::Rejected(4403, "Forbidden".into()),
        };
        let before = self.viewer;
        if before.is_some_and(|before| !has_same_rights(before, viewer)) {
            let reason = "Forbidden: not the user and role that the connection was opened with";
            return IdentityEvent::Rejected(4403, reason.into());
        }
        if self.permit.is_none() {
            match self.http.user_connections.acquire_for_viewer(viewer) {
                Ok(permit) => self.permit = Some(permit),
                Err(reason) => return IdentityEvent::Rejected(4429, reason.into()),
            }
        }
        self.viewer = Some(viewer);
        let http = self.http.clone();
        self.ended = Some(Box::pin(async move { http.endpoint.rights_ended(viewer).await }));
        self.expires_at = expires_at.and_then(to_instant);
        if before.is_some() { IdentityEvent::Renewed(expires_at) } else { IdentityEvent::Authenticated }
    }
}

/// Whether operations of one viewer may continue for the other: the same user with the same role, in any session.
fn has_same_rights(one: Viewer, other: Viewer) -> bool {
    match (one, other) {
        (Viewer::User { id: one, role: was, .. }, Viewer::User { id: other, role: is, .. }) => {
            (one, was) == (other, is)
        }
        _ => one == other,
    }
}
