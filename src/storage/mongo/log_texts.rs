//! The long texts of the event log: `{ _id: SHA-256, text, used_at }`. Entries in the outbox and in the log name them by
//! `text`, chunks by `texts`.
//!
//! A transaction whose entry has a text writes the text if it is not there, and refreshes `used_at`, the time on the
//! server's clock, if that is older than [`REFRESHED_AFTER`]. So a text that was not refreshed for [`UNUSED_AFTER`] belongs
//! to no transaction that still runs, and is deleted when no entry names it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Document, RawDocument, doc};
use mongodb::ClientSession;

use super::{
    codec::{binary, read_fields},
    read::{TimedRead, collect_rows},
    store::Inner,
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Event, Timestamp},
    storage::{
        Result, StoreError,
        log_text::{self, TextHash},
    },
};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// Milliseconds after which the next use of a text is noted.
const REFRESHED_AFTER: i64 = DAY;
/// Milliseconds since the last noted use after which a text may be deleted: a day more than the running transactions need.
const UNUSED_AFTER: i64 = 2 * DAY;
/// Texts that are checked at a time when the log is pruned.
const BATCH: usize = 100;

/// An entry as it is stored: without its long text.
pub(super) struct StoredEvent {
    pub(super) event: Event,
    pub(super) text: Option<TextRef>,
}

/// The long text of an entry.
#[derive(Clone, Copy)]
pub(super) struct TextRef {
    pub(super) hash: TextHash,
    pub(super) bytes: i32,
}

impl StoredEvent {
    /// Estimated bytes that the entry takes with its text.
    pub(super) fn memory(&self) -> usize {
        self.event.memory() + self.text_memory()
    }

    /// Bytes of its text, which is stored apart.
    pub(super) fn text_memory(&self) -> usize {
        self.text.map_or(0, |text| usize::try_from(text.bytes).unwrap_or(0))
    }
}

/// The texts that these entries name.
pub(super) fn named_texts(events: &[StoredEvent]) -> BTreeSet<TextHash> {
    events.iter().filter_map(|stored| stored.text).map(|text| text.hash).collect()
}

/// The whole entries.
fn whole(events: Vec<StoredEvent>, texts: &HashMap<TextHash, String>) -> Result<Vec<Event>> {
    let whole = events.into_iter().map(|StoredEvent { mut event, text }| {
        if let Some(TextRef { hash, .. }) = text {
            let text = texts.get(&hash).ok_or_else(|| StoreError::internal("a text of the event log is missing"))?;
            log_text::restore(&mut event.entity, text).map_err(StoreError::internal)?;
        }
        Ok(event)
    });
    whole.collect()
}

fn among(hashes: &BTreeSet<TextHash>) -> Document {
    doc! { "$in": hashes.iter().map(|hash| binary(hash)).collect::<Vec<_>>() }
}

fn decode(document: &RawDocument) -> Result<(TextHash, String)> {
    read_fields!(document, hash: "_id", text: "text");
    Ok((hash.required()?, text.required()?))
}

fn hash_of(document: &RawDocument) -> Result<TextHash> {
    read_fields!(document, hash: "_id");
    hash.required()
}

/// The condition that the last noted use was more than this long ago.
fn used_before(milliseconds: i64) -> Document {
    doc! { "$expr": { "$lt": ["$used_at", { "$subtract": ["$$NOW", milliseconds] }] } }
}

impl Transaction {
    /// Stores these texts, if they are not there, and notes that they are used.
    pub(super) async fn store_texts(&mut self, texts: BTreeMap<TextHash, &str>) -> TransactionResult<()> {
        if texts.is_empty() {
            return Ok(());
        }
        let collection = self.store.collections.log_texts.clone();
        let mut fresh = doc! { "_id": among(&texts.keys().copied().collect()) };
        fresh.insert("$nor", vec![used_before(REFRESHED_AFTER)]);
        let find = collection.find(fresh).projection(doc! { "_id": 1 }).session(&mut self.session);
        let fresh = collect_rows(find.timed_batch().await?.stream(&mut self.session), hash_of).await?;
        let fresh: BTreeSet<TextHash> = fresh.into_iter().collect();
        for (hash, text) in texts.into_iter().filter(|(hash, _)| !fresh.contains(hash)) {
            let update = doc! { "$setOnInsert": { "text": text }, "$currentDate": { "used_at": true } };
            let stored = collection.update_one(doc! { "_id": binary(&hash) }, update).upsert(true);
            stored.session(&mut self.session).await?;
        }
        Ok(())
    }

    /// The whole entries.
    pub(super) async fn with_texts(&mut self, events: Vec<StoredEvent>) -> TransactionResult<Vec<Event>> {
        let hashes = named_texts(&events);
        let mut texts = Vec::new();
        if !hashes.is_empty() {
            let collection = self.store.collections.log_texts.clone();
            texts = self.find(&collection, doc! { "_id": among(&hashes) }, hashes.len(), decode).await?;
        }
        Ok(whole(events, &texts.into_iter().collect())?)
    }
}

impl Inner {
    /// The whole entries.
    pub(super) async fn with_texts(&self, events: Vec<StoredEvent>, session: &mut ClientSession) -> Result<Vec<Event>> {
        let hashes = named_texts(&events);
        let mut texts = Vec::new();
        if !hashes.is_empty() {
            let find = self.collections.log_texts.find(doc! { "_id": among(&hashes) }).session(&mut *session);
            let mut batches = self.with_timeout(find.timed_batch()).await?;
            texts = collect_rows(batches.stream(session), decode).await?;
        }
        whole(events, &texts.into_iter().collect())
    }

    /// Deletes the texts that were last used before this time and that no entry names.
    pub(super) async fn prune_texts(&self, before: Timestamp) -> Result<()> {
        let mut unused = used_before(UNUSED_AFTER);
        unused.insert("used_at", doc! { "$lt": before });
        let find = self.collections.log_texts.find(unused.clone()).projection(doc! { "_id": 1 });
        let found = self.find_rows(find, hash_of).await?;
        for hashes in found.chunks(BATCH) {
            let mut unnamed: BTreeSet<TextHash> = hashes.iter().copied().collect();
            // The outbox is read before the log: an entry that is numbered in between is in both.
            for collection in [&self.collections.outbox, &self.collections.log] {
                let named = collection.find(doc! { "texts": among(&unnamed) }).projection(doc! { "texts": 1 });
                let named = self.find_rows(named, |document| {
                    read_fields!(document, texts: "texts");
                    texts.required::<Vec<TextHash>>()
                });
                named.await?.iter().flatten().for_each(|hash| _ = unnamed.remove(hash));
            }
            let mut unused = unused.clone();
            unused.insert("_id", among(&unnamed));
            self.with_timeout(self.collections.log_texts.delete_many(unused)).await?;
        }
        Ok(())
    }
}
