//! The event log.
//!
//! Decision: `docs/decisions/0001-event-log-numbers.md`.

use async_trait::async_trait;
use rusqlite::{
    Connection, OptionalExtension, params, params_from_iter,
    types::{FromSqlError, Value},
};
use tokio::sync::broadcast;

use super::{
    epoch,
    read_limit::loaded,
    row::{Json, NamedRow, blob_columns, json, named, text_columns},
    store::SqliteStore,
    writer::Written,
};
use crate::{
    domain::{
        Before, Changed, Entity, EntityKind, Event, EventDraft, EventId, EventKind, LogFilter, LogId, RightsChange,
        Seq, Stamp, Timestamp, User,
    },
    storage::{
        Appended, Backlog, Epoch, EventStore, LogPage, LogState, NewEpoch, OwnChanges, Result, StoreError,
        event::PageBuilder,
        log_text::{self, StoredEntity, TextHash},
    },
};

blob_columns!(EventId);
text_columns!(EventKind, EntityKind);

const COLUMNS: &str = "seq, id, kind, previous_status, entity_kind, entity, before, actor, occurred_at, text_hash";

/// The number of the log's last entry.
pub(super) fn head(db: &Connection) -> Result<Seq> {
    Ok(db.prepare_cached("SELECT head FROM log")?.query_row([], |row| row.get("head"))?)
}

/// Numbers entries from the head on and appends them. Called last in a change's transaction.
pub(super) fn append_events(db: &Connection, drafts: Vec<EventDraft>) -> Result<Vec<Event>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let first = head(db)? + 1;
    let events: Vec<Event> = (first..).zip(drafts).map(|(seq, draft)| draft.numbered(seq)).collect();
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO events ({COLUMNS}, entity_id, entity_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    ))?;
    let mut insert_user = db.prepare_cached("INSERT INTO event_audience (user_id, entry) VALUES (?1, ?2)")?;
    let mut insert_text =
        db.prepare_cached("INSERT INTO log_texts (hash, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    for event in &events {
        let StoredEntity { entity, text } = StoredEntity::new(&event.entity)?;
        if let Some((hash, text)) = &text {
            insert_text.execute(params![hash, text])?;
        }
        insert.execute(params![
            event.seq,
            event.id,
            event.kind,
            event.previous_status,
            event.entity.kind(),
            entity.to_json().map_err(StoreError::internal)?,
            (!event.before.is_empty()).then(|| json(&event.before)).transpose()?,
            event.actor,
            event.occurred_at,
            text.map(|(hash, _)| hash),
            event.entity.id().to_bytes(),
            event.entity.version(),
        ])?;
        for user in event.audience() {
            insert_user.execute(params![user.to_string(), event.seq])?;
        }
    }
    if let Some(last) = events.last() {
        db.prepare_cached("UPDATE log SET head = ?1")?.execute([last.seq])?;
    }
    Ok(events)
}

/// Appends the entry of a change whose entity is saved. Called last in the change's transaction.
pub(super) fn record<T>(db: &Connection, changed: Changed<T>, stamp: Stamp) -> Result<Written<T>>
where
    T: Clone + Into<Entity>,
{
    let events = append_events(db, vec![changed.draft(stamp)])?;
    Ok(Written { value: changed.value, events })
}

/// Appends the entries of changes of rights, of which there may be none. Called last in the changes' transaction.
pub(super) fn record_rights(
    db: &Connection,
    changes: impl IntoIterator<Item = RightsChange>,
    at: Timestamp,
) -> Result<Vec<Event>> {
    append_events(db, changes.into_iter().map(|change| change.draft(at)).collect())
}

/// Appends the entry of a change of a user who is saved, then those of the rights that it ended. Called last in the change's
/// transaction.
pub(super) fn record_user(
    db: &Connection,
    kind: EventKind,
    user: User,
    ended: impl IntoIterator<Item = RightsChange>,
    stamp: Stamp,
) -> Result<Written<User>> {
    let ended = ended.into_iter().map(|change| change.draft(stamp.at));
    let events = append_events(db, [user.draft(kind, stamp)].into_iter().chain(ended).collect())?;
    Ok(Written { value: user, events })
}

/// The bounds of the log.
pub(super) fn state(db: &Connection) -> Result<LogState> {
    let sql = "SELECT id, cursor_key, head, coalesce((SELECT min(seq) FROM events) - 1, head) AS horizon FROM log";
    let state = db.prepare_cached(sql)?.query_row([], |row| {
        Ok(LogState { log: epoch::log_id(row)?, head: row.get("head")?, horizon: row.get("horizon")? })
    });
    Ok(state?)
}

/// The query for up to `limit` entries after `after` that match `filter`, with its parameters.
pub(super) fn matching(after: Seq, filter: LogFilter, limit: u32) -> (String, Vec<Value>) {
    let mut params = vec![Value::from(after), Value::from(limit)];
    let mut bind = |value: Value| {
        params.push(value);
        params.len()
    };
    // One index finds the entries; a `+` keeps SQLite from using another one.
    let (from, number, condition) = match filter {
        LogFilter { entity: Some(id), .. } => {
            ("events", "seq", format!(" AND entity_id = ?{}", bind(Value::Blob(id.to_bytes().to_vec()))))
        }
        LogFilter { user: Some(user), .. } => {
            let user = bind(Value::Text(user.to_string()));
            ("event_audience CROSS JOIN events ON seq = entry", "entry", format!(" AND user_id = ?{user}"))
        }
        LogFilter { kind: Some(kind), .. } => ("events", "seq", format!(" AND entity_kind = ?{}", bind(kind.into()))),
        _ => ("events", "seq", String::new()),
    };
    let mut rest = String::new();
    if let Some(kind) = filter.kind.filter(|_| filter.entity.is_some() || filter.user.is_some()) {
        rest.push_str(&format!(" AND +entity_kind = ?{}", bind(kind.into())));
    }
    if let Some(user) = filter.user.filter(|_| filter.entity.is_some()) {
        let user = bind(Value::Text(user.to_string()));
        rest.push_str(&format!(" AND EXISTS (SELECT 1 FROM event_audience WHERE user_id = ?{user} AND entry = seq)"));
    }
    let sql = format!("SELECT {COLUMNS} FROM {from} WHERE {number} > ?1{condition}{rest} ORDER BY {number} LIMIT ?2");
    (sql, params)
}

fn read(db: &Connection, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
    let (sql, params) = matching(after, filter, limit);
    let mut page = PageBuilder::new(limit);
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(params))?;
    let mut decode = named(|row| event_from_row(db, row));
    while !page.is_full()
        && let Some(row) = rows.next()?
    {
        let event = decode(row)?;
        let bytes = event.memory();
        page.push(event, bytes);
    }
    let has_more = page.is_full();
    Ok(LogPage::new(page.into_entries(), after, head(db)?, has_more))
}

fn event_from_row(db: &Connection, row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Event> {
    let mut event = Event {
        seq: row.get("seq")?,
        id: row.get("id")?,
        kind: row.get("kind")?,
        previous_status: row.get("previous_status")?,
        entity: entity_from_row(row)?,
        before: row.get::<Option<Json<Before>>>("before")?.map_or_else(Before::default, |before| before.0),
        actor: row.get("actor")?,
        occurred_at: row.get("occurred_at")?,
    };
    if let Some(hash) = row.get::<Option<TextHash>>("text_hash")? {
        let mut find = db.prepare_cached("SELECT text FROM log_texts WHERE hash = ?1")?;
        let text: String = find.query_row([hash], |row| row.get("text"))?;
        log_text::restore(&mut event.entity, &text).map_err(|error| FromSqlError::Other(Box::new(error)))?;
    }
    Ok(event)
}

fn entity_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Entity> {
    let json = row.get_ref("entity")?.as_str()?;
    Entity::from_json(row.get("entity_kind")?, json).map_err(|error| FromSqlError::Other(Box::new(error)).into())
}

#[async_trait]
impl EventStore for SqliteStore {
    fn appended(&self) -> broadcast::Receiver<Appended> {
        self.appends.subscribe()
    }

    async fn catch_up_log(&self) -> Result<()> {
        // A change and its entries are committed together.
        Ok(())
    }

    fn own_changes(&self) -> OwnChanges {
        OwnChanges { logged: self.appends.last(), unnumbered: Vec::new() }
    }

    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        let ids = ids.to_vec();
        self.read(move |db| {
            let mut find =
                db.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE id = ?1 AND +entity_kind <> ?2"))?;
            let mut decode = named(|row| loaded(event_from_row(db, row)?, Event::memory));
            let mut find = |id: &EventId| find.query_row(params![id, EntityKind::Rights], &mut decode).optional();
            Ok(ids.iter().map(&mut find).collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn log_state(&self) -> Result<LogState> {
        self.read(state).await
    }

    async fn confirmed_log_state(&self) -> Result<LogState> {
        let state = self.log_state().await?;
        self.appends.last_at_most(state.head);
        Ok(state)
    }

    async fn backlog(&self) -> Result<Backlog> {
        // A change and its entries are committed together.
        Ok(Backlog::default())
    }

    async fn epoch(&self, log: LogId) -> Result<Epoch> {
        self.read(move |db| epoch::find(db, log)).await
    }

    async fn start_epoch(&self) -> Result<NewEpoch> {
        self.write(epoch::start).await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        self.read(move |db| read(db, after, filter, limit)).await
    }
}
