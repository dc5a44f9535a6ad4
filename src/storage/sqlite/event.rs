//! The event log.
//!
//! Decision: `docs/decisions/0001-event-log-numbers.md`.

use async_trait::async_trait;
use rusqlite::{
    Connection, params, params_from_iter,
    types::{FromSqlError, Value},
};

use super::{
    row::{Json, NamedRow, blob_columns, json, named, text_columns},
    store::SqliteStore,
};
use crate::{
    domain::{Before, Changed, Entity, EntityKind, Event, EventId, EventKind, LogFilter, LogId, Seq, Stamp},
    storage::{Committed, EventStore, LogPage, LogState, Result, StoreError},
};

blob_columns!(EventId);
text_columns!(EventKind, EntityKind);

const COLUMNS: &str = "seq, id, kind, previous_status, entity_kind, entity, before, actor, occurred_at";

/// The number of the log's last entry.
pub(super) fn head(db: &Connection) -> Result<Seq> {
    Ok(db.prepare_cached("SELECT head FROM log")?.query_row([], |row| row.get("head"))?)
}

/// Appends entries, the first of which has the number after the head. Called last in a change's transaction.
pub(super) fn append_events(db: &Connection, events: &[Event]) -> Result<()> {
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO events ({COLUMNS}, entity_id, entity_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ))?;
    for event in events {
        insert.execute(params![
            event.seq,
            event.id,
            event.kind,
            event.previous_status,
            event.entity.kind(),
            event.entity.to_json().map_err(StoreError::internal)?,
            (!event.before.is_empty()).then(|| json(&event.before)).transpose()?,
            event.actor,
            event.occurred_at,
            event.entity.id().to_bytes(),
            event.entity.version(),
        ])?;
    }
    if let Some(last) = events.last() {
        db.prepare_cached("UPDATE log SET head = ?1")?.execute([last.seq])?;
    }
    Ok(())
}

/// Appends the entry of a change whose entity is saved. Called last in the change's transaction.
pub(super) fn record<T>(db: &Connection, changed: Changed<T>, stamp: Stamp) -> Result<Committed<T>>
where
    T: Clone + Into<Entity>,
{
    let event = changed.draft().numbered(head(db)? + 1, stamp);
    append_events(db, std::slice::from_ref(&event))?;
    Ok(Committed { value: changed.value, events: vec![event] })
}

fn state(db: &Connection) -> Result<LogState> {
    let sql = "SELECT id, head, coalesce((SELECT min(seq) FROM events) - 1, head) AS horizon FROM log";
    let state = db.prepare_cached(sql)?.query_row([], |row| {
        Ok(LogState { log: LogId(row.get("id")?), head: row.get("head")?, horizon: row.get("horizon")? })
    });
    Ok(state?)
}

/// The query for up to `limit` entries after `after` that match `filter`, with its parameters.
pub(super) fn matching(after: Seq, filter: LogFilter, limit: u32) -> (String, Vec<Value>) {
    let mut params = vec![Value::from(after), Value::from(limit)];
    let condition = match (filter.entity, filter.kind) {
        (Some(_), Some(_)) => " AND entity_id = ?3 AND +entity_kind = ?4",
        (Some(_), None) => " AND entity_id = ?3",
        (None, Some(_)) => " AND entity_kind = ?3",
        (None, None) => "",
    };
    params.extend(filter.entity.map(|id| Value::Blob(id.to_bytes().to_vec())));
    params.extend(filter.kind.map(Value::from));
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > ?1{condition} ORDER BY seq LIMIT ?2");
    (sql, params)
}

fn read(db: &Connection, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
    let (sql, params) = matching(after, filter, limit);
    let events = db
        .prepare_cached(&sql)?
        .query_map(params_from_iter(params), named(event_from_row))?
        .collect::<rusqlite::Result<Vec<Event>>>()?;
    Ok(LogPage::new(events, after, limit, head(db)?))
}

fn event_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: row.get("seq")?,
        id: row.get("id")?,
        kind: row.get("kind")?,
        previous_status: row.get("previous_status")?,
        entity: entity_from_row(row)?,
        before: row.get::<Option<Json<Before>>>("before")?.map_or_else(Before::default, |before| before.0),
        actor: row.get("actor")?,
        occurred_at: row.get("occurred_at")?,
    })
}

fn entity_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Entity> {
    let json = row.get_ref("entity")?.as_str()?;
    Entity::from_json(row.get("entity_kind")?, json).map_err(|error| FromSqlError::Other(Box::new(error)).into())
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn log_state(&self) -> Result<LogState> {
        self.read(state).await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        self.read(move |db| read(db, after, filter, limit)).await
    }
}
