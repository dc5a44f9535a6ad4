//! API keys.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    event,
    row::{Json, NamedRow, blob_columns, json, named},
    store::SqliteStore,
    user,
    writer::Written,
};
use crate::{
    domain::{ApiKey, ApiKeyId, Refusal, RightsChange, Scope, SessionId, Stamp, Timestamp, TokenHash},
    storage::{ApiKeyStore, Result, SessionUser},
};

blob_columns!(ApiKeyId);

const COLUMNS: &str = "id, name, prefix, scopes, created_by, last_used_at, expires_at, created_at";

fn from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes: row.get::<Json<Vec<Scope>>>("scopes")?.0.into_iter().collect(),
        created_by: row.get("created_by")?,
        last_used_at: row.get("last_used_at")?,
        expires_at: row.get("expires_at")?,
        created_at: row.get("created_at")?,
    })
}

fn find(db: &Connection, id: SessionId) -> Result<Option<ApiKey>> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1"))?;
    Ok(find.query_row([id], named(from_row)).optional()?)
}

/// The creator of the key with this id, if it has not expired, unless they are deleted.
pub(super) fn session_user(db: &Connection, id: SessionId, now: Timestamp) -> Result<Option<SessionUser>> {
    let Some(key) = find(db, id)?.filter(|key| key.is_current(now)) else { return Ok(None) };
    let user = user::find(db, key.created_by)?.filter(|user| !user.is_deleted());
    Ok(user.map(|user| SessionUser { user, expires_at: key.ends_at() }))
}

fn all(db: &Connection) -> Result<Vec<ApiKey>> {
    let mut all = db.prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys"))?;
    let keys = all.query_map([], named(from_row))?.collect::<rusqlite::Result<_>>()?;
    Ok(keys)
}

fn insert(db: &Connection, key: &ApiKey, secret: TokenHash, stamp: Stamp) -> Result<()> {
    user::check_admin(db, stamp)?;
    let count: i64 = db.query_row("SELECT count(*) AS count FROM api_keys", [], |row| row.get("count"))?;
    if count >= ApiKey::MAX as i64 {
        return Err(Refusal::TooManyApiKeys.into());
    }
    db.prepare_cached(&format!(
        "INSERT INTO api_keys ({COLUMNS}, secret) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    ))?
    .execute(params![
        key.id,
        key.name,
        key.prefix,
        json(&key.scopes.iter().collect::<Vec<_>>())?,
        key.created_by,
        key.last_used_at,
        key.expires_at,
        key.created_at,
        secret,
    ])?;
    Ok(())
}

fn delete(db: &Connection, id: ApiKeyId, stamp: Stamp) -> Result<Written<ApiKey>> {
    user::check_admin(db, stamp)?;
    let key = find(db, id.as_session())?.ok_or(Refusal::NotFound)?;
    db.prepare_cached("DELETE FROM api_keys WHERE id = ?1")?.execute([id])?;
    let events = event::record_rights(db, RightsChange::sessions(key.created_by, &[id.as_session()]), stamp.at)?;
    Ok(Written { value: key, events })
}

#[async_trait]
impl ApiKeyStore for SqliteStore {
    async fn insert_api_key(&self, key: &ApiKey, secret: TokenHash, stamp: Stamp) -> Result<()> {
        let key = key.clone();
        self.write(move |db| insert(db, &key, secret, stamp)).await
    }

    async fn delete_api_key(&self, id: ApiKeyId, stamp: Stamp) -> Result<ApiKey> {
        self.change(move |db| delete(db, id, stamp)).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        self.read(all).await
    }

    async fn api_key_by_secret(&self, secret: TokenHash) -> Result<Option<ApiKey>> {
        self.read(move |db| {
            let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys WHERE secret = ?1"))?;
            Ok(find.query_row([secret], named(from_row)).optional()?)
        })
        .await
    }

    async fn note_api_key_use(&self, id: ApiKeyId, at: Timestamp, every: Duration) -> Result<()> {
        self.write(move |db| {
            let sql =
                "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)";
            db.prepare_cached(sql)?.execute(params![id, at, at.minus(every)])?;
            Ok(())
        })
        .await
    }
}
