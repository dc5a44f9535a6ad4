//! Idempotency keys: which entity each was used for.

use std::collections::HashMap;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use ulid::Ulid;

use super::{
    codec::{binary, read_fields},
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

fn encode(key: &Idempotency, entity: Ulid, at: Timestamp) -> Result<RawDocumentBuf> {
    let used = key.used_for(entity);
    let document = doc! {
        "_id": id(key), "fingerprint": binary(&used.fingerprint), "entity": binary(&used.entity.to_bytes()),
        "created_at": at,
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
    pub(super) async fn find_used_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k Idempotency>,
    ) -> TransactionResult<HashMap<KeyName, UsedKey>> {
        let ids: Vec<Bson> = keys.into_iter().map(|key| id(key).into()).collect();
        let most = ids.len();
        let collection = self.store.collections.idempotency.clone();
        let found = self.find(&collection, doc! { "_id": { "$in": ids } }, most, decode).await?;
        Ok(found.into_iter().collect())
    }

    /// Stores which entities the keys were used for.
    pub(super) async fn insert_used_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = (&'k Idempotency, Ulid, Timestamp)>,
    ) -> TransactionResult<()> {
        let documents: Vec<_> =
            keys.into_iter().map(|(key, entity, at)| encode(key, entity, at)).collect::<Result<_>>()?;
        let collection = self.store.collections.idempotency.clone();
        self.insert(&collection, documents).await
    }
}
