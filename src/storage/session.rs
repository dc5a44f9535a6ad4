//! Storage of sign-in sessions. A session is one family of refresh tokens; ended sessions are deleted.

use async_trait::async_trait;

use super::Result;
use crate::domain::{SessionId, Timestamp, User, UserId};

/// SHA-256 of a refresh token's secret.
pub type TokenHash = [u8; 32];

/// A sign-in session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identity.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Hash of the one refresh token that is good now.
    pub token: TokenHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
}

/// What became of an attempt to rotate a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was good and is replaced; the user as they are now.
    Rotated(User),
    /// The session is there but the token is not its current one: it was used before, and the session is ended now.
    Reused,
    /// No such session, or it has expired.
    Unknown,
}

/// Sessions.
#[async_trait]
pub trait SessionStore {
    /// Adds a session.
    async fn insert_session(&self, session: &Session) -> Result<()>;
    /// The user of each session that has not ended or expired at `now`, as they are now; never a deleted one.
    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<User>>>;
    /// Replaces the refresh token `presented` by `next`, atomically: of two racing calls one is [`Rotation::Reused`].
    async fn rotate_session(
        &self,
        id: SessionId,
        presented: TokenHash,
        next: TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation>;
    /// Ends a session; nothing happens when it has ended already.
    async fn end_session(&self, id: SessionId) -> Result<()>;
    /// Ends all sessions of a user.
    async fn end_sessions_of(&self, user: UserId) -> Result<()>;
}
