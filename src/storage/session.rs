//! Storage of sign-in sessions. A session is one family of refresh tokens; ended sessions are deleted.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{PresentedToken, RefreshSalt, SessionId, Stamp, Timestamp, TokenHash, User, UserId};

/// A sign-in session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id of the session, which access tokens name.
    pub id: SessionId,
    /// User who signed in.
    pub user: UserId,
    /// Hash of the part that all its refresh tokens share.
    pub family: TokenHash,
    /// Hash of its first refresh token.
    pub token: TokenHash,
    /// Time of the sign-in.
    pub created_at: Timestamp,
    /// Time at which it ends unless it is refreshed before.
    pub expires_at: Timestamp,
}

/// Who a session that has not ended belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    /// The user's current state.
    pub user: User,
    /// Time at which the session ends unless it is refreshed before, or the API key expires.
    pub expires_at: Timestamp,
}

/// The outcome of an attempt to rotate a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token has the successor that this salt makes, which is current. Holds the user's current state.
    Rotated(User, RefreshSalt),
    /// The token was used before. The session is ended.
    Reused,
    /// The session does not exist or has expired, or the token is none of its own.
    Unknown,
}

/// Stores sign-in sessions. What ends a session before it expires also appends a
/// [`RightsChange`](crate::domain::RightsChange) to the event log, in the same step.
#[async_trait]
pub trait SessionStore {
    /// Adds a session. Refuses it if the user's password hash is not `verified`, the one that was checked, or if the
    /// user is deleted.
    async fn insert_session(&self, session: &Session, verified: Option<&str>) -> Result<()>;
    /// The user of each session that has not ended or expired at `now`; `None` for deleted users. An id may also be that of an
    /// API key ([`ApiKeyId::as_session`](crate::domain::ApiKeyId::as_session)), whose user is its creator.
    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<SessionUser>>>;
    /// Does atomically what [`RefreshTokens::present`](crate::domain::RefreshTokens::present) decides of a presented token.
    async fn rotate_session(
        &self,
        id: SessionId,
        presented: PresentedToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation>;
    /// Ends a session; does nothing if it has ended already.
    async fn end_session(&self, id: SessionId, at: Timestamp) -> Result<()>;
    /// Ends all sessions of a user.
    async fn end_sessions_of(&self, user: UserId, stamp: Stamp) -> Result<()>;
}

instrument!(SessionStore {
    fn insert_session(session: &Session, verified: Option<&str>) -> (), stores |()| size_of::<Session>();
    fn session_users(ids: &[SessionId], now: Timestamp) -> Vec<Option<SessionUser>>, batch ids;
    fn rotate_session(
        id: SessionId, presented: PresentedToken, expires_at: Timestamp, now: Timestamp
    ) -> Rotation, stores |_| size_of::<Session>();
    fn end_session(id: SessionId, at: Timestamp) -> (), stores |()| size_of::<Session>();
    fn end_sessions_of(user: UserId, stamp: Stamp) -> (), stores |()| size_of::<Session>();
});
