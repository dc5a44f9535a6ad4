//! Sign-in sessions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    api_key, event,
    row::{NamedRow, blob_columns, named},
    store::SqliteStore,
    user,
    writer::Written,
};
use crate::{
    domain::{
        Event, PresentedToken, RefreshDecision, RefreshTokens, Refusal, ReplacedToken, RightsChange, SessionId, Stamp,
        Timestamp, UserId,
    },
    storage::{Result, Rotation, Session, SessionStore, SessionUser},
};

blob_columns!(SessionId);

fn insert(db: &Connection, session: &Session, verified: Option<&str>) -> Result<()> {
    let credentials = user::find_credentials(db, session.user)?.ok_or(Refusal::CredentialsChanged)?;
    credentials.check_unchanged(verified)?;
    db.prepare_cached(
        "INSERT INTO sessions (id, user_id, family, token, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        session.id,
        session.user,
        session.family,
        session.token,
        session.created_at,
        session.expires_at
    ])?;
    Ok(())
}

fn end(db: &Connection, id: SessionId, at: Timestamp) -> Result<Vec<Event>> {
    let mut delete = db.prepare_cached("DELETE FROM sessions WHERE id = ?1 RETURNING user_id")?;
    let user: Option<UserId> = delete.query_row([id], |row| row.get("user_id")).optional()?;
    event::record_rights(db, user.map_or_else(Vec::new, |user| RightsChange::sessions(user, &[id])), at)
}

fn end_all(db: &Connection, user: UserId, stamp: Stamp) -> Result<Vec<Event>> {
    user::check_session(db, stamp)?;
    let ended = user::end_sessions(db, user)?;
    event::record_rights(db, RightsChange::sessions(user, &ended), stamp.at)
}

/// The user and the refresh tokens of a session that has not expired.
fn find(db: &Connection, id: SessionId, now: Timestamp) -> Result<Option<(SessionUser, RefreshTokens)>> {
    let session: Option<(UserId, Timestamp, RefreshTokens)> = db
        .prepare_cached(
            "SELECT user_id, expires_at, family, token, replaced_token, replaced_salt, replaced_at FROM sessions \
             WHERE id = ?1 AND expires_at > ?2",
        )?
        .query_row(
            params![id, now],
            named(|row| Ok((row.get("user_id")?, row.get("expires_at")?, tokens_from_row(row)?))),
        )
        .optional()?;
    let Some((user, expires_at, tokens)) = session else { return Ok(None) };
    let user = user::find(db, user)?.filter(|user| user.deleted_at.is_none());
    Ok(user.map(|user| (SessionUser { user, expires_at }, tokens)))
}

fn tokens_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<RefreshTokens> {
    let (family, current) = (row.get("family")?, row.get("token")?);
    let replaced: (Option<_>, Option<_>, Option<_>) =
        (row.get("replaced_token")?, row.get("replaced_salt")?, row.get("replaced_at")?);
    let replaced = match replaced {
        (Some(token), Some(salt), Some(at)) => Some(ReplacedToken { token, salt, at }),
        _ => None,
    };
    Ok(RefreshTokens { family, current, replaced })
}

fn rotate(
    db: &Connection,
    id: SessionId,
    presented: PresentedToken,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Written<Rotation>> {
    let Some((SessionUser { user, .. }, tokens)) = find(db, id, now)? else {
        return Ok(Written::unchanged(Rotation::Unknown));
    };
    let rotation = match tokens.present(&presented, now) {
        RefreshDecision::Replace(tokens) => {
            db.prepare_cached(
                "UPDATE sessions SET family = ?2, token = ?3, replaced_token = ?4, replaced_salt = ?5, \
                 replaced_at = ?6, expires_at = ?7 WHERE id = ?1",
            )?
            .execute(params![
                id,
                tokens.family,
                tokens.current,
                tokens.replaced.map(|replaced| replaced.token),
                tokens.replaced.map(|replaced| replaced.salt),
                tokens.replaced.map(|replaced| replaced.at),
                expires_at,
            ])?;
            Rotation::Rotated(user, presented.salt)
        }
        RefreshDecision::Repeat(salt) => Rotation::Rotated(user, salt),
        RefreshDecision::EndSession => return Ok(Written { value: Rotation::Reused, events: end(db, id, now)? }),
        RefreshDecision::Refuse => Rotation::Unknown,
    };
    Ok(Written::unchanged(rotation))
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn insert_session(&self, session: &Session, verified: Option<&str>) -> Result<()> {
        let (session, verified) = (session.clone(), verified.map(str::to_owned));
        self.write(move |db| insert(db, &session, verified.as_deref())).await
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<SessionUser>>> {
        let ids = ids.to_vec();
        self.read(move |db| {
            ids.iter()
                .map(|id| match find(db, *id, now)? {
                    Some((user, _)) => Ok(Some(user)),
                    None => api_key::session_user(db, *id, now),
                })
                .collect()
        })
        .await
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        presented: PresentedToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        self.change(move |db| rotate(db, id, presented, expires_at, now)).await
    }

    async fn end_session(&self, id: SessionId, at: Timestamp) -> Result<()> {
        self.change(move |db| Ok(Written { value: (), events: end(db, id, at)? })).await
    }

    async fn end_sessions_of(&self, user: UserId, stamp: Stamp) -> Result<()> {
        self.change(move |db| Ok(Written { value: (), events: end_all(db, user, stamp)? })).await
    }
}
