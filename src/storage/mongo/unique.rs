//! Values that only one entity may have: the e-mail addresses of users and the SKUs of products. Each is the `_id` of a
//! document `{ _id: VALUE, entity: ID }` in a collection of its own, written by the transaction that writes the entity.
//! A sharded collection enforces no unique index but that of its shard key, so an index on the entities would not do.
//!
//! Decision: `docs/decisions/0020-shard-keys.md`.

use std::collections::HashMap;

use bson::{RawDocument, RawDocumentBuf, doc};
use mongodb::Collection;
use ulid::Ulid;

use super::{
    codec::{raw_document, read_fields},
    store::Inner,
    transaction::{Transaction, TransactionResult},
};
use crate::storage::Result;

/// The document of a value that belongs to the entity with this id.
pub(super) fn encode(value: &str, entity: [u8; 16]) -> RawDocumentBuf {
    let mut document = raw_document! { "entity": entity };
    document.append(bson::raw::cstr!("_id"), value);
    document
}

fn decode(document: &RawDocument) -> Result<(String, [u8; 16])> {
    read_fields!(document, value: "_id", entity: "entity");
    Ok((value.required()?, entity.required()?))
}

impl Inner {
    /// Those of the values that an entity has, with its id.
    pub(super) async fn owners_of<I: From<Ulid>>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        values: impl IntoIterator<Item = String>,
    ) -> Result<HashMap<String, I>> {
        let found = self.find_by(collection, "_id", values, doc! {}, decode).await?;
        Ok(found.into_iter().map(|(value, id)| (value, Ulid::from_bytes(id).into())).collect())
    }
}

impl Transaction {
    /// Gives an entity another value, and leaves the old one to others. Fails if another entity has it.
    pub(super) async fn change_value(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        entity: [u8; 16],
        old: Option<&str>,
        new: Option<&str>,
    ) -> TransactionResult<()> {
        if old == new {
            return Ok(());
        }
        if let Some(old) = old {
            self.delete(collection, doc! { "_id": old }).await?;
        }
        self.insert(collection, new.map(|new| encode(new, entity)).into_iter().collect()).await
    }
}
