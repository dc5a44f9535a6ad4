//! The event log: chunks of consecutive entries. [`super::sequencer`] appends them.
//!
//! A chunk is `{ _id: FIRST, last: LAST, newest: TIME, about: [KEY…], texts: [HASH…], entries: [ENTRY…] }`; `texts` names
//! the long texts of its entries ([`super::log_texts`]), and is left out if there are none. Chunks are contiguous, and an
//! entry's number is its place after `_id`. `about` holds what a reader may ask for, so that its index finds the chunks:
//! the kinds and ids of the entities, the users who see them, and the ids of the entries.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::options::Hint;
use tokio::{sync::broadcast, time::Instant};
use ulid::Ulid;

use super::{
    chunks::{bounds, with_entries_after},
    codec::{binary, raw_document, read_fields, stored_by_text, stored_ids},
    log_texts::{StoredEvent, TextRef},
    read::{TimedRead, in_request_order, load_rows, rows_of},
    store::{Inner, MongoStore},
};
use crate::{
    domain::*,
    fairness::{core_turn, current_caller, read_meter},
    storage::{
        Appended, Backlog, Epoch, EventStore, LogPage, LogState, NewEpoch, OwnChanges, Result, StoreError,
        event::PageBuilder,
        log_text::{StoredEntity, TextHash},
    },
};

stored_ids!(EventId);
stored_by_text!(EventKind, EntityKind);

/// Chunks in one reply, of up to 256 KiB each. Readers stop once they have enough entries.
const CHUNKS_PER_REPLY: u32 = 4;

/// The document of an entry, without its number. `stored` is what it stores of its entity.
pub(super) fn encode(draft: &EventDraft, stored: &StoredEntity) -> Result<RawDocumentBuf> {
    let StoredEntity { entity, text } = stored;
    let text_bytes = text.as_ref().map(|(_, text)| i32::try_from(text.len())).transpose();
    let payload = serde_json::to_string(entity).map_err(StoreError::internal)?;
    let before = (!draft.before.is_empty()).then(|| serde_json::to_string(&draft.before)).transpose();
    let before = before.map_err(StoreError::internal)?;
    Ok(raw_document! {
        "event_id": draft.id, "kind": draft.kind, "entity_kind": entity.kind(), "entity_id": entity.id().to_bytes(),
        "entity_version": entity.version(), "actor": draft.stamp.actor, "occurred_at": draft.stamp.at,
        "previous_status": draft.previous_status, "payload": payload, "before": before,
        "text": text.as_ref().map(|(hash, _)| *hash), "text_bytes": text_bytes.map_err(StoreError::internal)?,
    })
}

/// Something that a reader may ask for: an id, or the text of a kind, filled up with zeros. No id begins with the text of
/// a kind, because that would be a time in the far future.
pub(super) type Key = [u8; 16];

fn kind_key(kind: EntityKind) -> Key {
    let mut key = [0; 16];
    key.iter_mut().zip(kind.as_str().bytes()).for_each(|(byte, letter)| *byte = letter);
    key
}

/// What a reader may ask for to find this entry.
pub(super) fn keys(entity: &Entity, id: EventId, audience: impl Iterator<Item = UserId>) -> impl Iterator<Item = Key> {
    let users = audience.map(UserId::to_bytes);
    // Nobody asks for the entries of rights.
    let named = (entity.kind() != EntityKind::Rights).then(|| id.to_bytes());
    [kind_key(entity.kind()), entity.id().to_bytes()].into_iter().chain(users).chain(named)
}

/// The entry of a document with its number, without its long text.
pub(super) fn decode(document: &RawDocument, seq: Seq) -> Result<StoredEvent> {
    read_fields!(document,
        id: "event_id", kind: "kind", actor: "actor", occurred_at: "occurred_at",
        previous_status: "previous_status", payload: "payload", before: "before",
        hash: "text", text_bytes: "text_bytes");
    let payload: String = payload.required()?;
    let before: Option<String> = before.optional()?;
    let hash: Option<TextHash> = hash.optional()?;
    let text = hash.map(|hash| Ok::<_, StoreError>(TextRef { hash, bytes: text_bytes.required()? })).transpose()?;
    let event = Event {
        seq,
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
    };
    Ok(StoredEvent { event, text })
}

/// A chunk of `count` entries from the number `first` on.
pub(super) fn encode_chunk(
    first: Seq,
    newest: Timestamp,
    about: BTreeSet<Key>,
    texts: BTreeSet<TextHash>,
    entries: RawArrayBuf,
    count: Seq,
) -> RawDocumentBuf {
    let about: Vec<Key> = about.into_iter().collect();
    let texts = (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>());
    let last = first + count - 1;
    let mut chunk = raw_document! { "_id": first, "last": last, "newest": newest, "about": about, "texts": texts };
    chunk.append(bson::raw::cstr!("entries"), entries);
    chunk
}

/// Adds those entries of a chunk to a page that are numbered above `after` and match, until the page is full.
fn decode_chunk(
    document: &RawDocument,
    after: Seq,
    filter: LogFilter,
    page: &mut PageBuilder<StoredEvent>,
) -> Result<()> {
    read_fields!(document, first: "_id", last: "last", entries: "entries");
    let (first, last): (Seq, Seq) = (first.required()?, last.required()?);
    let mut seq = first - 1;
    entries.each_document(|entry| {
        seq += 1;
        if seq > after && !page.is_full() && may_match(entry, filter)? {
            let stored = decode(entry, seq)?;
            if filter.matches(&stored.event) {
                let bytes = stored.memory();
                page.push(stored, bytes);
            }
        }
        Ok(())
    })?;
    if seq != last {
        return Err(StoreError::internal(format!("the chunk {first} of the event log is not whole")));
    }
    Ok(())
}

/// Whether an entry may match, which is known before the whole entry is decoded.
fn may_match(entry: &RawDocument, filter: LogFilter) -> Result<bool> {
    read_fields!(entry, kind: "entity_kind", id: "entity_id");
    Ok(filter.may_match(kind.required()?, Ulid::from_bytes(id.required()?)))
}

/// The key of `about` that finds the fewest chunks for a filter.
fn key(filter: LogFilter) -> Option<Key> {
    let entity = filter.entity.map(|id| id.to_bytes());
    entity.or(filter.user.map(UserId::to_bytes)).or(filter.kind.map(kind_key))
}

impl Inner {
    async fn read_chunks(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        let mut session = self.causal_session().await?;
        let key = key(filter);
        // Without a filter, what is read says itself how far it reaches.
        let head = if key.is_some() { self.head(&mut session).await? } else { after };
        let mut condition = with_entries_after(after);
        let index = if key.is_some() { "about" } else { "last" };
        if let Some(key) = &key {
            condition.insert("about", binary(key));
        }
        let find = self.collections.log.find(condition).sort(doc! { "last": 1 }).hint(Hint::Name(index.to_owned()));
        let find = find.batch_size(CHUNKS_PER_REPLY).session(&mut *session);
        let mut batches = self.with_timeout(find.timed_batch()).await?;
        let mut stream = batches.stream(&mut session);
        let (mut page, mut through) = (PageBuilder::new(limit), after);
        'read: while let Some(batch) = self.with_timeout(stream.try_next()).await? {
            for row in rows_of(&batch)? {
                let row = row?;
                let (first, last) = bounds(row)?;
                // A hole is what was pruned before this read, unless it is in the middle of what was read.
                if key.is_none() && through != after && first != through + 1 {
                    break 'read;
                }
                decode_chunk(row, after, filter, &mut page)?;
                through = last;
                if page.is_full() {
                    break 'read;
                }
                // A chunk can take a millisecond to decode.
                core_turn(current_caller()).await;
            }
        }
        drop(stream);
        let has_more = page.is_full();
        let events = self.with_texts(page.into_entries(), &mut session).await?;
        Ok(LogPage::new(events, after, head.max(through), has_more))
    }

    /// The entries with these ids, in no order. The server takes them out of their chunks, which have up to 256 KiB each. What
    /// they load is counted for the operation of this task.
    async fn find_entries(&self, ids: &[EventId]) -> Result<Vec<Event>> {
        let among = doc! { "$in": ids };
        let pipeline = [
            doc! { "$match": { "about": &among } },
            doc! { "$unwind": { "path": "$entries", "includeArrayIndex": "place" } },
            doc! { "$match": { "entries.event_id": among } },
            doc! { "$project": { "place": 1, "entries": 1 } },
        ];
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let found = self.collections.log.aggregate(pipeline).hint(Hint::Name("about".to_owned())).batch_size(batch);
        let mut session = self.causal_session().await?;
        let mut batches = self.with_timeout(found.session(&mut *session).timed_batch()).await?;
        let found = load_rows(batches.stream(&mut session), |row| {
            read_fields!(row, first: "_id", place: "place", entry: "entries");
            let seq = first.required::<Seq>()? + place.required::<Seq>()?;
            decode(entry.document()?, seq)
        });
        let found = found.await?;
        if let Some(meter) = read_meter() {
            meter.load(found.iter().map(StoredEvent::text_memory).sum())?;
        }
        self.with_texts(found, &mut session).await
    }
}

#[async_trait]
impl EventStore for MongoStore {
    fn appended(&self) -> broadcast::Receiver<Appended> {
        self.0.appends.subscribe()
    }

    async fn catch_up_log(&self) -> Result<()> {
        self.0.catch_up().await
    }

    fn own_changes(&self) -> OwnChanges {
        self.0.unnumbered.own_changes()
    }

    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        let found = if ids.is_empty() { Vec::new() } else { self.0.find_entries(ids).await? };
        Ok(in_request_order(ids, found, |event| Some(event.id)))
    }

    async fn log_state(&self) -> Result<LogState> {
        self.0.log_state().await
    }

    async fn confirmed_log_state(&self) -> Result<LogState> {
        self.0.confirmed_log_state().await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.0.backlog().await
    }

    async fn epoch(&self, log: LogId) -> Result<Epoch> {
        self.0.epoch(log).await
    }

    async fn start_epoch(&self) -> Result<NewEpoch> {
        self.0.start_epoch().await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        if limit == 0 {
            return Ok(LogPage::new(Vec::new(), after, after, true));
        }
        let began = Instant::now();
        let page = self.0.read_chunks(after, filter, limit).await?;
        if filter == LogFilter::ALL {
            self.0.replicas.note_log_read(began);
        }
        Ok(page)
    }
}
