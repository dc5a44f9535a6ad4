//! Sign-in sessions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{row::blob_columns, store::SqliteStore, user};
use crate::{
    domain::{SessionId, Timestamp, User, UserId},
    storage::{Result, Rotation, Session, SessionStore, TokenHash},
};

blob_columns!(SessionId);

fn insert(db: &Connection, session: &Session) -> Result<()> {
    db.prepare_cached("INSERT INTO sessions (id, user_id, token, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![session.id, session.user, session.token, session.created_at, session.expires_at])?;
    Ok(())
}

fn end(db: &Connection, id: SessionId) -> Result<()> {
    db.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// The user and the current token of a session that has not expired.
fn find(db: &Connection, id: SessionId, now: Timestamp) -> Result<Option<(User, TokenHash)>> {
    let session: Option<(UserId, TokenHash)> = db
        .prepare_cached("SELECT user_id, token FROM sessions WHERE id = ?1 AND expires_at > ?2")?
        .query_row(params![id, now], |row| Ok((row.get("user_id")?, row.get("token")?)))
        .optional()?;
    let Some((user, token)) = session else { return Ok(None) };
    let user = user::find(db, user)?.filter(|user| user.deleted_at.is_none());
    Ok(user.map(|user| (user, token)))
}

fn rotate(
    db: &Connection,
    id: SessionId,
    presented: TokenHash,
    next: TokenHash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Rotation> {
    let Some((user, current)) = find(db, id, now)? else { return Ok(Rotation::Unknown) };
    if presented != current {
        end(db, id)?;
        return Ok(Rotation::Reused);
    }
    db.prepare_cached("UPDATE sessions SET token = ?2, expires_at = ?3 WHERE id = ?1")?
        .execute(params![id, next, expires_at])?;
    Ok(Rotation::Rotated(user))
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn insert_session(&self, session: &Session) -> Result<()> {
        let session = session.clone();
        self.write(move |db| insert(db, &session)).await
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<User>>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.iter().map(|id| Ok(find(db, *id, now)?.map(|(user, _)| user))).collect()).await
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        presented: TokenHash,
        next: TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        self.write(move |db| rotate(db, id, presented, next, expires_at, now)).await
    }

    async fn end_session(&self, id: SessionId) -> Result<()> {
        self.write(move |db| end(db, id)).await
    }

    async fn end_sessions_of(&self, user: UserId) -> Result<()> {
        self.write(move |db| user::end_sessions(db, user)).await
    }
}
