//! Idempotency keys: which mutation each was used for, and what came of it.

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{binary, read_fields},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Timestamp, UserId},
    storage::{Idempotency, Result, StoreError},
};

/// A key that was used before.
pub(super) struct UsedKey {
    pub(super) user: UserId,
    pub(super) scope: String,
    pub(super) key: String,
    pub(super) fingerprint: [u8; 32],
    /// The entity that the first call made or changed.
    pub(super) entity: [u8; 16],
}

impl UsedKey {
    /// The entity of the first call, unless that one had another input.
    pub(super) fn entity_for(&self, key: &Idempotency) -> Result<[u8; 16]> {
        if self.fingerprint == key.fingerprint { Ok(self.entity) } else { Err(StoreError::IdempotencyKeyReused) }
    }
}

fn id(key: &Idempotency) -> Document {
    doc! { "user": key.user, "scope": key.scope, "key": key.key.as_str() }
}

fn encode(key: &Idempotency, entity: [u8; 16], at: Timestamp) -> Result<RawDocumentBuf> {
    let document = doc! {
        "_id": id(key), "fingerprint": binary(&key.fingerprint), "entity": binary(&entity), "created_at": at,
    };
    RawDocumentBuf::try_from(&document).map_err(StoreError::internal)
}

fn decode(document: &RawDocument) -> Result<UsedKey> {
    read_fields!(document, id: "_id", fingerprint: "fingerprint", entity: "entity");
    let id = id.value.and_then(|id| id.as_document());
    let id = id.ok_or_else(|| StoreError::internal("an idempotency record without a key"))?;
    read_fields!(id, user: "user", scope: "scope", key: "key");
    Ok(UsedKey {
        user: user.required()?,
        scope: scope.required()?,
        key: key.required()?,
        fingerprint: fingerprint.required()?,
        entity: entity.required()?,
    })
}

impl Transaction {
    /// Those of the keys that were used before.
    pub(super) async fn find_used_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k Idempotency>,
    ) -> TransactionResult<Vec<UsedKey>> {
        let ids: Vec<Bson> = keys.into_iter().map(|key| id(key).into()).collect();
        let most = ids.len();
        let collection = self.store.idempotency.clone();
        self.find(&collection, doc! { "_id": { "$in": ids } }, most, decode).await
    }

    /// Records keys with the entities they were used for.
    pub(super) async fn insert_used_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = (&'k Idempotency, [u8; 16], Timestamp)>,
    ) -> TransactionResult<()> {
        let documents: Vec<_> =
            keys.into_iter().map(|(key, entity, at)| encode(key, entity, at)).collect::<Result<_>>()?;
        let collection = self.store.idempotency.clone();
        self.insert(&collection, documents).await
    }
}
