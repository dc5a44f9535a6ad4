//! API keys.

use std::time::Duration;

use async_trait::async_trait;
use bson::{RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{binary, raw_document, read_fields, stored_ids},
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{ApiKey, ApiKeyId, Refusal, RightsChange, Scope, SessionId, Stamp, Timestamp, TokenHash, UserId},
    storage::{ApiKeyStore, Result, StoreError},
};

stored_ids!(ApiKeyId);

fn encode(key: &ApiKey, secret: TokenHash) -> RawDocumentBuf {
    let scopes: Vec<String> = key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    raw_document! {
        "_id": key.id, "secret": secret, "name": key.name, "prefix": key.prefix, "scopes": scopes,
        "created_by": key.created_by, "last_used_at": key.last_used_at, "expires_at": key.expires_at,
        "created_at": key.created_at,
    }
}

pub(super) fn decode(document: &RawDocument) -> Result<ApiKey> {
    read_fields!(document,
        id: "_id", name: "name", prefix: "prefix", scopes: "scopes", created_by: "created_by",
        last_used_at: "last_used_at", expires_at: "expires_at", created_at: "created_at");
    let scopes: Vec<String> = scopes.required()?;
    let scopes: std::result::Result<Vec<Scope>, _> = scopes.iter().map(|scope| scope.parse()).collect();
    Ok(ApiKey {
        id: id.required()?,
        name: name.required()?,
        prefix: prefix.required()?,
        scopes: scopes.map_err(StoreError::internal)?.into_iter().collect(),
        created_by: created_by.required()?,
        last_used_at: last_used_at.optional()?,
        expires_at: expires_at.optional()?,
        created_at: created_at.required()?,
    })
}

impl Inner {
    /// Those of these ids that are keys.
    pub(super) async fn api_keys_by_ids(&self, ids: impl IntoIterator<Item = SessionId>) -> Result<Vec<ApiKey>> {
        self.find_by(&self.collections.api_keys, "_id", ids, doc! { "secret": 0 }, decode).await
    }
}

impl Transaction {
    /// The creator of the key with this id, if there is one.
    pub(super) async fn api_key_creator(&mut self, id: SessionId) -> TransactionResult<Option<UserId>> {
        let keys = self.store.collections.api_keys.clone();
        Ok(self.find(&keys, doc! { "_id": id }, 1, decode).await?.pop().map(|key| key.created_by))
    }
}

#[async_trait]
impl ApiKeyStore for MongoStore {
    async fn insert_api_key(&self, key: &ApiKey, secret: TokenHash, stamp: Stamp) -> Result<()> {
        let key = key.clone();
        self.0
            .transaction(move |transaction| {
                let key = key.clone();
                Box::pin(async move {
                    transaction.check_admin(stamp).await?;
                    let keys = transaction.store.collections.api_keys.clone();
                    if transaction.find(&keys, doc! {}, ApiKey::MAX, |_| Ok(())).await?.len() >= ApiKey::MAX {
                        return Err(Refusal::TooManyApiKeys.into());
                    }
                    transaction.insert(&keys, vec![encode(&key, secret)]).await
                })
            })
            .await
    }

    async fn delete_api_key(&self, id: ApiKeyId, stamp: Stamp) -> Result<ApiKey> {
        self.0
            .transaction(move |transaction| {
                Box::pin(async move {
                    transaction.check_admin(stamp).await?;
                    let keys = transaction.store.collections.api_keys.clone();
                    let key = transaction.find_one(&keys, doc! { "_id": id }, decode).await?;
                    transaction.delete(&keys, doc! { "_id": id }).await?;
                    let ended = RightsChange::sessions(key.created_by, &[id.as_session()]);
                    transaction.record_rights(ended, stamp.at).await?;
                    Ok(key)
                })
            })
            .await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        let keys = self.0.collections.api_keys.find(doc! {}).projection(doc! { "secret": 0 });
        self.0.find_rows(keys, decode).await
    }

    async fn api_key_by_secret(&self, secret: TokenHash) -> Result<Option<ApiKey>> {
        let keys = self.0.collections.api_keys.find(doc! { "secret": binary(&secret) }).limit(1).batch_size(2);
        Ok(self.0.find_rows(keys, decode).await?.pop())
    }

    async fn note_api_key_use(&self, id: ApiKeyId, at: Timestamp, every: Duration) -> Result<()> {
        let noted_before =
            [doc! { "last_used_at": { "$exists": false } }, doc! { "last_used_at": { "$lte": at.minus(every) } }];
        let unnoted = doc! { "_id": id, "$or": noted_before.to_vec() };
        let used = doc! { "$set": { "last_used_at": at } };
        self.0.with_timeout(self.0.collections.api_keys.update_one(unnoted, used)).await?;
        Ok(())
    }
}
