//! The event log.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

use super::{
    Result, SqliteStore,
    row::{Json, json},
};
use crate::{
    domain::{
        Entity, EntityKind, Event, EventId, EventKind, LogFilter, LogId, Order, OrderStatus, Product, Seq, Stamp, Task,
        Timestamp,
    },
    storage::{EventStore, LogPage, LogState},
};

const COLUMNS: &str = "seq, id, kind, previous_status, entity_kind, entity, actor, occurred_at";
/// Deletions of one transaction, so that other changes get their turn.
pub(super) const PRUNE_AT_ONCE: usize = 2000;

/// An entry before it has its place in the log.
pub(super) struct EventDraft {
    pub(super) kind: EventKind,
    pub(super) previous_status: Option<OrderStatus>,
    pub(super) entity: Entity,
}

impl EventDraft {
    pub(super) fn product(kind: EventKind, product: &Product) -> Self {
        Self { kind, previous_status: None, entity: Entity::Product(Arc::new(product.clone())) }
    }

    pub(super) fn task(kind: EventKind, task: &Task) -> Self {
        Self { kind, previous_status: None, entity: Entity::Task(Arc::new(task.clone())) }
    }

    pub(super) fn order(kind: EventKind, previous_status: Option<OrderStatus>, order: &Order) -> Self {
        Self { kind, previous_status, entity: Entity::Order(Arc::new(order.clone())) }
    }
}

/// The number of the log's last entry.
pub(super) fn head(db: &Connection) -> Result<Seq> {
    Ok(db.prepare_cached("SELECT head FROM log")?.query_row([], |row| row.get("head"))?)
}

/// Appends entries, to be called last in a change's transaction.
pub(super) fn append(db: &Connection, drafts: Vec<EventDraft>, stamp: Stamp) -> Result<Vec<Event>> {
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO events ({COLUMNS}, entity_id, entity_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    ))?;
    let mut events = Vec::with_capacity(drafts.len());
    let mut seq = head(db)?;
    for EventDraft { kind, previous_status, entity } in drafts {
        seq += 1;
        let id = EventId::generate(stamp.at);
        insert.execute(params![
            seq,
            id,
            kind,
            previous_status,
            entity.kind(),
            match &entity {
                Entity::Order(order) => json(order)?,
                Entity::Task(task) => json(task)?,
                Entity::Product(product) => json(product)?,
            },
            stamp.actor,
            stamp.at,
            entity.id().to_bytes(),
            entity.version(),
        ])?;
        events.push(Event { seq, id, kind, previous_status, entity, actor: stamp.actor, occurred_at: stamp.at });
    }
    db.prepare_cached("UPDATE log SET head = ?1")?.execute([seq])?;
    Ok(events)
}

/// Deletes the oldest entries that are older than `before`, never the newest; whether there may be more to delete.
/// Only whole beginnings of the log go, so that nothing is missing behind the horizon when clocks went back.
pub(super) fn prune(db: &Connection, before: Timestamp) -> Result<bool> {
    let kept: Option<Seq> = db
        .query_row("SELECT seq FROM events WHERE occurred_at >= ?1 ORDER BY seq LIMIT 1", [before], |row| {
            row.get("seq")
        })
        .optional()?;
    let below = kept.unwrap_or(Seq::MAX).min(head(db)?);
    let deleted = db.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq < ?1 ORDER BY seq LIMIT ?2)",
        params![below, PRUNE_AT_ONCE as i64],
    )?;
    Ok(deleted == PRUNE_AT_ONCE)
}

fn state(db: &Connection) -> Result<LogState> {
    let sql = "SELECT id, head, coalesce((SELECT min(seq) FROM events) - 1, head) AS horizon FROM log";
    let state = db.prepare_cached(sql)?.query_row([], |row| {
        Ok(LogState { log: LogId(row.get("id")?), head: row.get("head")?, horizon: row.get("horizon")? })
    });
    Ok(state?)
}

/// The query for up to `limit` entries after `after` that pass `filter`, and its parameters.
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
        .query_map(params_from_iter(params), event_from_row)?
        .collect::<rusqlite::Result<Vec<Event>>>()?;
    let through = match events.last() {
        _ if events.len() < limit as usize => head(db)?,
        Some(last) => last.seq,
        None => after,
    };
    Ok(LogPage { events, through })
}

fn event_from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    let entity = match row.get("entity_kind")? {
        EntityKind::Order => Entity::Order(Arc::new(row.get::<_, Json<Order>>("entity")?.0)),
        EntityKind::Task => Entity::Task(Arc::new(row.get::<_, Json<Task>>("entity")?.0)),
        EntityKind::Product => Entity::Product(Arc::new(row.get::<_, Json<Product>>("entity")?.0)),
    };
    Ok(Event {
        seq: row.get("seq")?,
        id: row.get("id")?,
        kind: row.get("kind")?,
        previous_status: row.get("previous_status")?,
        entity,
        actor: row.get("actor")?,
        occurred_at: row.get("occurred_at")?,
    })
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
