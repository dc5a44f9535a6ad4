//! Idempotency keys: which entity each was used for.
//!
//! MongoDB sets `created_at` of a key from its cluster clock when the key is inserted, so that its age does not depend on
//! the clocks of nodes.

use std::collections::HashMap;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use ulid::Ulid;

use super::{
    codec::{binary, read_fields},
    read::{TimedRead, collect_rows},
    store::Inner,
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Idempotency, Timestamp, UsedKey, UserId},
    storage::{Result, StoreError},
};

/// A key as a map has it: its owner, scope and text.
pub(super) type KeyName = (UserId, String, String);

/// The name of a key.
pub(super) fn name_of(key: &Idempotency) -> KeyName {
    (key.user, key.scope.to_owned(), key.key.clone())
}

fn id(key: &Idempotency) -> Document {
    doc! { "user": key.user, "scope": key.scope, "key": key.key.as_str() }
}

fn encode(key: &Idempotency, entity: Ulid) -> Result<RawDocumentBuf> {
    let used = key.used_for(entity);
    // MongoDB replaces an empty timestamp.
    let now = bson::Timestamp { time: 0, increment: 0 };
    let document = doc! {
        "_id": id(key), "fingerprint": binary(&used.fingerprint), "entity": binary(&used.entity.to_bytes()),
        "created_at": now,
    };
    RawDocumentBuf::try_from(&document).map_err(StoreError::internal)
}

fn decode(document: &RawDocument) -> Result<(KeyName, UsedKey)> {
    read_fields!(document, id: "_id", fingerprint: "fingerprint", entity: "entity");
    let id = id.value.and_then(|id| id.as_document());
    let id = id.ok_or_else(|| StoreError::internal("an idempotency record has no key"))?;
    read_fields!(id, user: "user", scope: "scope", key: "key");
    let name = (user.required()?, scope.required()?, key.required()?);
    let entity = Ulid::from_bytes(entity.required()?);
    Ok((name, UsedKey { fingerprint: fingerprint.required()?, entity }))
}

impl Transaction {
    /// Those of the keys that were used before.
    ///
    /// Reads outside of the transaction, so that its snapshot is taken later and collides with fewer others. A key that is
    /// used in the meantime makes [`Transaction::insert_used_keys`] fail, and the next attempt finds it.
    pub(super) async fn find_used_keys<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Idempotency>,
    ) -> TransactionResult<HashMap<KeyName, UsedKey>> {
        let ids: Vec<Bson> = keys.into_iter().map(|key| id(key).into()).collect();
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let find = self.store.collections.idempotency.find(doc! { "_id": { "$in": ids } }).batch_size(batch);
        let mut session = self.store.causal_session().await?;
        let mut batches = find.session(&mut *session).timed_batch().await?;
        Ok(collect_rows(batches.stream(&mut session), decode).await?.into_iter().collect())
    }

    /// Stores which entities the keys were used for.
    pub(super) async fn insert_used_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = (&'k Idempotency, Ulid)>,
    ) -> TransactionResult<()> {
        let documents: Vec<_> = keys.into_iter().map(|(key, entity)| encode(key, entity)).collect::<Result<_>>()?;
        let collection = self.store.collections.idempotency.clone();
        self.insert(&collection, documents).await
    }
}

impl Inner {
    /// Deletes the keys that are older than `before` on the clock of the database.
    pub(super) async fn prune_keys(&self, before: Timestamp) -> Result<()> {
        let seconds = u32::try_from(before.unix_millis().max(0) / 1000).unwrap_or(u32::MAX);
        let on_cluster_clock = bson::Timestamp { time: seconds, increment: 0 };
        // Version 1 stored the time of the mutation. Comparisons with one type never find the other.
        let old =
            [doc! { "created_at": { "$lt": on_cluster_clock } }, doc! { "created_at": { "$lt": before } }].to_vec();
        self.collections.idempotency.delete_many(doc! { "$or": old }).await?;
        Ok(())
    }
}
