//! The event log: numbered by one counter inside the transactions that append to it.
//!
//! Two transactions that both move the counter can't overlap: the server aborts the second one, which is retried. So the
//! order of the numbers is the commit order, and no entry with a lower number can become visible later.
//!
//! Decision: `docs/decisions/0001-event-log-numbers.md`.

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{binary, raw_document, read_fields, stored_by_text, stored_ids},
    read::collect_rows,
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::*,
    storage::{Committed, EventStore, LogPage, LogState, Result, StoreError},
};

stored_ids!(EventId);
stored_by_text!(EventKind, EntityKind);

fn encode(event: &Event) -> Result<RawDocumentBuf> {
    let payload = serde_json::to_string(&event.entity).map_err(StoreError::internal)?;
    let before = (!event.before.is_empty()).then(|| serde_json::to_string(&event.before)).transpose();
    let before = before.map_err(StoreError::internal)?;
    Ok(raw_document! {
        "_id": event.seq, "event_id": event.id, "kind": event.kind, "entity_kind": event.entity.kind(),
        "entity_id": event.entity.id().to_bytes(), "entity_version": event.entity.version(), "actor": event.actor,
        "occurred_at": event.occurred_at, "previous_status": event.previous_status, "payload": payload,
        "before": before,
    })
}

fn decode(document: &RawDocument) -> Result<Event> {
    read_fields!(document,
        seq: "_id", id: "event_id", kind: "kind", actor: "actor", occurred_at: "occurred_at",
        previous_status: "previous_status", payload: "payload", before: "before");
    let payload: String = payload.required()?;
    let before: Option<String> = before.optional()?;
    Ok(Event {
        seq: seq.required()?,
        id: id.required()?,
        kind: kind.required()?,
        previous_status: previous_status.optional()?,
        entity: serde_json::from_str(&payload).map_err(StoreError::internal)?,
        before: match before {
            Some(before) => serde_json::from_str(&before).map_err(StoreError::internal)?,
            None => Before::default(),
        },
        actor: actor.optional()?,
        occurred_at: occurred_at.required()?,
    })
}

fn seq_of(document: &RawDocument) -> Result<Seq> {
    read_fields!(document, seq: "seq");
    seq.required()
}

fn number_of(document: &RawDocument) -> Result<Seq> {
    read_fields!(document, seq: "_id");
    seq.required()
}

impl Transaction {
    /// Takes the next `count` numbers of the log and returns the first. From now until the commit no other transaction
    /// can take one.
    pub(super) async fn allocate_seqs(&mut self, count: usize) -> TransactionResult<Seq> {
        let counters = self.store.collections.counters.clone();
        let count = count as Seq;
        let counter = self.update_one(&counters, doc! { "_id": "log" }, doc! { "$inc": { "seq": count } }).await?;
        Ok(seq_of(&counter)? - count + 1)
    }

    /// Appends entries whose numbers were taken.
    pub(super) async fn append_events(&mut self, events: &[Event]) -> TransactionResult<()> {
        let events = events.iter().map(encode).collect::<Result<_>>()?;
        let log = self.store.collections.events.clone();
        self.insert(&log, events).await
    }

    /// Appends the entry of a change whose entity is saved.
    pub(super) async fn record<T>(&mut self, changed: Changed<T>, stamp: Stamp) -> TransactionResult<Committed<T>>
    where
        T: Clone + Into<Entity>,
    {
        let event = changed.draft().numbered(self.allocate_seqs(1).await?, stamp);
        self.append_events(std::slice::from_ref(&event)).await?;
        Ok(Committed { value: changed.value, events: vec![event] })
    }
}

impl Inner {
    /// The number of the last entry, 0 for an empty log.
    pub(super) async fn head(&self) -> Result<Seq> {
        let find = self.collections.counters.find(doc! { "_id": "log" }).batch_size(2);
        let found = collect_rows(self.with_timeout(find.batch()).await?, seq_of).await?.pop();
        found.ok_or_else(|| StoreError::internal("the event log has lost its counter"))
    }

    /// The number of the first entry in order of `_id` that passes.
    async fn first_number(&self, filter: Document) -> Result<Option<Seq>> {
        let find = self.collections.events.find(filter).projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 }).limit(1);
        Ok(collect_rows(self.with_timeout(find.batch_size(2).batch()).await?, number_of).await?.pop())
    }

    /// Deletes the entries before the first one that is young enough, so that the rest has no holes.
    pub(super) async fn prune_log(&self, before: Timestamp) -> Result<()> {
        let young = self.first_number(doc! { "occurred_at": { "$gte": before } }).await?;
        let keep = match young {
            Some(young) => young,
            None => self.head().await?,
        };
        self.collections.events.delete_many(doc! { "_id": { "$lt": keep } }).await?;
        Ok(())
    }
}

#[async_trait]
impl EventStore for MongoStore {
    async fn log_state(&self) -> Result<LogState> {
        // The oldest entry is read first: if it is pruned in between, the head is still valid.
        let oldest = self.0.first_number(doc! {}).await?;
        let head = self.0.head().await?;
        Ok(LogState { log: self.0.log, head, horizon: oldest.map_or(head, |oldest| oldest - 1) })
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        // The head is read first: every entry up to it is visible from then on.
        let head = self.0.head().await?;
        if head <= after || limit == 0 {
            return Ok(LogPage { events: Vec::new(), through: after });
        }
        let mut condition = doc! { "_id": { "$gt": after, "$lte": head } };
        let mut index = "_id_";
        if let Some(kind) = filter.kind {
            condition.insert("entity_kind", kind);
            index = "entity_kind";
        }
        if let Some(entity) = filter.entity {
            condition.insert("entity_id", binary(&entity.to_bytes()));
            index = "entity_id";
        }
        let hint = mongodb::options::Hint::Name(index.to_owned());
        let find = self.0.collections.events.find(condition).sort(doc! { "_id": 1 }).limit(i64::from(limit)).hint(hint);
        let events =
            collect_rows(self.0.with_timeout(find.batch_size(limit.saturating_add(1)).batch()).await?, decode).await?;
        Ok(LogPage::new(events, after, limit, head))
    }
}
