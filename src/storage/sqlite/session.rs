//! Sign-in sessions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{event, row::blob_columns, store::SqliteStore, user, writer::Written};
use crate::{
    domain::{Event, RightsChange, SessionId, Timestamp, UserId},
    storage::{Result, Rotation, Session, SessionStore, SessionUser, TokenHash},
};

blob_columns!(SessionId);

fn insert(db: &Connection, session: &Session) -> Result<()> {
    db.prepare_cached("INSERT INTO sessions (id, user_id, token, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![session.id, session.user, session.token, session.created_at, session.expires_at])?;
    Ok(())
}

fn end(db: &Connection, id: SessionId, at: Timestamp) -> Result<Vec<Event>> {
    let mut delete = db.prepare_cached("DELETE FROM sessions WHERE id = ?1 RETURNING user_id")?;
    let user: Option<UserId> = delete.query_row([id], |row| row.get("user_id")).optional()?;
    event::record_rights(db, user.map_or_else(Vec::new, |user| RightsChange::sessions(user, &[id])), at)
}

fn end_all(db: &Connection, user: UserId, at: Timestamp) -> Result<Vec<Event>> {
    let ended = user::end_sessions(db, user)?;
    event::record_rights(db, RightsChange::sessions(user, &ended), at)
}

/// The user, the current token and the end of a session that has not expired.
fn find(db: &Connection, id: SessionId, now: Timestamp) -> Result<Option<(SessionUser, TokenHash)>> {
    let session: Option<(UserId, TokenHash, Timestamp)> = db
        .prepare_cached("SELECT user_id, token, expires_at FROM sessions WHERE id = ?1 AND expires_at > ?2")?
        .query_row(params![id, now], |row| Ok((row.get("user_id")?, row.get("token")?, row.get("expires_at")?)))
        .optional()?;
    let Some((user, token, expires_at)) = session else { return Ok(None) };
    let user = user::find(db, user)?.filter(|user| user.deleted_at.is_none());
    Ok(user.map(|user| (SessionUser { user, expires_at }, token)))
}

fn rotate(
    db: &Connection,
    id: SessionId,
    presented: TokenHash,
    next: TokenHash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Written<Rotation>> {
    let Some((SessionUser { user, .. }, current)) = find(db, id, now)? else {
        return Ok(Written::unchanged(Rotation::Unknown));
    };
    if presented != current {
        return Ok(Written { value: Rotation::Reused, events: end(db, id, now)? });
    }
    db.prepare_cached("UPDATE sessions SET token = ?2, expires_at = ?3 WHERE id = ?1")?
        .execute(params![id, next, expires_at])?;
    Ok(Written::unchanged(Rotation::Rotated(user)))
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn insert_session(&self, session: &Session) -> Result<()> {
        let session = session.clone();
        self.write(move |db| insert(db, &session)).await
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<SessionUser>>> {
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
        self.change(move |db| rotate(db, id, presented, next, expires_at, now)).await
    }

    async fn end_session(&self, id: SessionId, at: Timestamp) -> Result<()> {
        self.change(move |db| Ok(Written { value: (), events: end(db, id, at)? })).await
    }

    async fn end_sessions_of(&self, user: UserId, at: Timestamp) -> Result<()> {
        self.change(move |db| Ok(Written { value: (), events: end_all(db, user, at)? })).await
    }
}
