//! What the database says of itself: the id of its log, the version of its schema and its deployment. Carries over what an older version
//! of Orderwire stored.
//!
//! The document `log` of `counters` holds these, and the key of cursors. Version 5 knew no entries of users and no
//! metadata, which its nodes drop from what they replace. Versions 2 to 4 had other indexes:
//! [`super::carry_over`]. Version 1 kept the log in `events`, one document for each entry, and the
//! last number in the field `seq`, which is a text since: a node of version 1 that still runs can't increase it, so its
//! changes fail as a whole, and one that starts finds no `log_id` and stops.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::collections::BTreeSet;

use bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, doc};
use mongodb::{Collection, Database};

use super::{
    carry_over::{carry_over_unique_values, complete_order_keys, drop_replaced_indexes},
    chunks::bounds,
    codec::read_fields,
    collections::create_missing,
    error::duplicate_index,
    event::{decode, encode_chunk, keys},
    read::{OPERATION_TIMEOUT, TimedRead, collect_rows},
    words::{self, WORDS},
};
use crate::{
    domain::{Entity, Event, Seq, Timestamp},
    storage::{DeploymentId, Result, StoreError},
};

/// The version of the schema that this code reads and writes.
const VERSION: i32 = 6;
const MOVED: &str = "the collection log";
/// What `counters` says of `order_keys` once orders have all documents that a sharded cluster needs.
const COMPLETE: &str = "complete";
/// Entries that are carried over at a time.
const CHUNK: i64 = 256;

/// Checks the version of the database and creates what is missing; on a sharded cluster, commands name shard keys. Nothing
/// is written if a newer version of Orderwire has used the database, or if it belongs to another deployment than `own`.
pub(super) async fn prepare(database: &Database, names_shard_keys: bool, own: Option<DeploymentId>) -> Result<()> {
    let counters = database.collection::<Document>("counters");
    let found = counters.find_one(doc! { "_id": "log" }).max_time(OPERATION_TIMEOUT).await?;
    let version = found.as_ref().and_then(|found| found.get_i32("version").ok());
    if let Some(version) = version.filter(|version| *version > VERSION) {
        return Err(StoreError::internal(format!(
            "a newer version of Orderwire has written the database (schema {version}, this one knows {VERSION}); start that version"
        )));
    }
    DeploymentId::check(own, found.as_ref().and_then(owner))?;
    create_missing(database).await?;
    match found {
        Some(found) => {
            if version.is_none() {
                carry_over(database, &counters, &found).await?;
            }
            if version.is_none_or(|version| version < 3) {
                tracing::info!("carrying over unique values of an older version");
                carry_over_unique_values(database).await?;
            }
            if version.is_none_or(|version| version < VERSION) {
                drop_replaced_indexes(database).await?;
                counters.update_one(doc! { "_id": "log" }, doc! { "$set": { "version": VERSION } }).await?;
            }
        }
        None => {
            let id = i64::from(rand::random::<u32>());
            let new = doc! { "$setOnInsert": { "id": id, "version": VERSION, "seq": MOVED, "words": WORDS } };
            let made = counters.update_one(doc! { "_id": "log" }, new).upsert(true).await;
            // Another node may create it at the same moment.
            made.map(drop).or_else(|error| duplicate_index(&error).map(drop).ok_or(error))?;
        }
    }
    let incomplete = doc! { "_id": "log", "order_keys": { "$ne": COMPLETE } };
    if names_shard_keys && counters.count_documents(incomplete.clone()).max_time(OPERATION_TIMEOUT).await? == 1 {
        complete_order_keys(database).await?;
        counters.update_one(incomplete, doc! { "$set": { "order_keys": COMPLETE } }).await?;
    }
    let without_key = doc! { "_id": "log", "cursor_key": { "$exists": false } };
    let key = doc! { "$set": { "cursor_key": rand::random::<i64>() } };
    counters.update_one(without_key, key).await?;
    claim(&counters, own).await?;
    words::renew(database).await
}

fn owner(log: &Document) -> Option<DeploymentId> {
    log.get_i64("deployment").ok().map(DeploymentId)
}

/// Makes the database belong to this deployment, if it belongs to none.
async fn claim(counters: &Collection<Document>, own: Option<DeploymentId>) -> Result<()> {
    let Some(DeploymentId(id)) = own else { return Ok(()) };
    let free = doc! { "_id": "log", "deployment": { "$exists": false } };
    counters.update_one(free, doc! { "$set": { "deployment": id } }).await?;
    // Another node may have been faster.
    let log = counters.find_one(doc! { "_id": "log" }).max_time(OPERATION_TIMEOUT).await?;
    DeploymentId::check(own, log.as_ref().and_then(owner))
}

/// Moves the log of version 1 into chunks. Nodes of version 1 may go on until the last step, and several nodes may do
/// this at the same time.
async fn carry_over(database: &Database, counters: &Collection<Document>, found: &Document) -> Result<()> {
    let id = found.get_i64("log_id").map_err(|_| StoreError::internal("the event log has no proper identity"))?;
    tracing::info!("carrying over the event log of an older version");
    loop {
        let last = copy_entries(database).await?;
        let unchanged = doc! { "_id": "log", "seq": last };
        let moved = doc! { "$set": { "id": id, "version": 2, "seq": MOVED }, "$unset": { "log_id": 1 } };
        let done = counters.update_one(unchanged, moved).await?.matched_count == 1;
        let newer = counters.count_documents(doc! { "_id": "log", "version": { "$gte": 2 } });
        let by_other = newer.max_time(OPERATION_TIMEOUT).await? == 1;
        if done || by_other {
            database.collection::<Document>("events").drop().await?;
            return Ok(());
        }
    }
}

/// Copies the entries that the log does not have yet, and returns the number of the last one.
async fn copy_entries(database: &Database) -> Result<Seq> {
    let log = database.collection::<RawDocumentBuf>("log");
    let events = database.collection::<RawDocumentBuf>("events");
    loop {
        let newest =
            log.find(doc! {}).projection(doc! { "last": 1 }).sort(doc! { "last": -1 }).limit(1).timed_batch().await?;
        let last = collect_rows(newest, bounds).await?.pop().map_or(0, |(_, last)| last);
        let find =
            events.find(doc! { "_id": { "$gt": last } }).sort(doc! { "_id": 1 }).limit(CHUNK).timed_batch().await?;
        let entries = collect_rows(find, |row| Ok((old_entry(row)?, row.to_owned()))).await?;
        let Some((first, _)) = entries.first() else { return Ok(last) };
        if last > 0 && first.seq != last + 1 {
            // A node of version 1 has pruned its log in the meantime.
            log.delete_many(doc! {}).await?;
        }
        name_entries(database, &entries).await?;
        let about = entries.iter().flat_map(|(event, _)| keys(&event.entity, event.id, event.audience())).collect();
        let newest = entries.iter().map(|(event, _)| event.occurred_at).max();
        let newest = newest.unwrap_or(Timestamp::from_unix_millis(0));
        let (first, count) = (first.seq, entries.len() as Seq);
        let documents = entries.iter().map(|(_, row)| without_id(row)).collect::<Result<RawArrayBuf>>()?;
        let inserted = log.insert_one(encode_chunk(first, newest, about, BTreeSet::new(), documents, count)).await;
        inserted.map(drop).or_else(|error| duplicate_index(&error).map(drop).ok_or(error))?;
    }
}

fn old_entry(document: &RawDocument) -> Result<Event> {
    read_fields!(document, seq: "_id");
    Ok(decode(document, seq.required()?)?.event)
}

fn without_id(document: &RawDocument) -> Result<RawDocumentBuf> {
    let mut copy = RawDocumentBuf::new();
    for element in document.iter_elements() {
        let element = element.map_err(StoreError::internal)?;
        if element.key().as_str() != "_id" {
            copy.append(element.key(), element.value().map_err(StoreError::internal)?);
        }
    }
    Ok(copy)
}

/// Stores the ids of entries in the histories of their orders, where version 1 stored their numbers.
async fn name_entries(database: &Database, entries: &[(Event, RawDocumentBuf)]) -> Result<()> {
    let step = |event: &Event| match &event.entity {
        Entity::Order(order) => Some(doc! {
            "q": { "_id": order.id, "history.seq": event.seq },
            "u": { "$set": { "history.$.event": event.id } },
        }),
        _ => None,
    };
    let updates: Vec<Document> = entries.iter().filter_map(|(event, _)| step(event)).collect();
    if !updates.is_empty() {
        database.run_command(doc! { "update": "orders", "updates": updates }).await?;
    }
    Ok(())
}
