//! Carries over what older versions of the schema stored, and what a replica set stored that became a sharded cluster.
//! Version 2 kept e-mail addresses, SKUs and order numbers unique by indexes; version 3 had indexes of products that did not
//! begin with their status; version 4 had one of the words of users without an order.
//!
//! The steps change nothing that is there already, so several nodes may take them at the same time, and again after a
//! crash. The server copies the values itself.

use bson::{Document, doc};
use mongodb::{Database, error::ErrorKind};

use crate::storage::Result;

/// The unique indexes of version 2.
const UNIQUE: [(&str, &str); 3] = [("users", "email"), ("products", "sku"), ("orders", "number")];
/// The indexes of versions 3 and 4 that later versions do not use.
const REPLACED: [(&str, &str); 6] = [
    ("users", "words"),
    ("products", "words"),
    ("products", "tags_created_at"),
    ("products", "tags_name_key"),
    ("products", "tags_price"),
    ("products", "tags_stock"),
];
/// `NamespaceNotFound` and `IndexNotFound`.
const ABSENT: [i32; 2] = [26, 27];

/// Fills the collections of unique values, and drops the indexes that they replace.
pub(super) async fn carry_over_unique_values(database: &Database) -> Result<()> {
    copy(database, "users", vec![doc! { "$match": { "email": { "$exists": true } } }, entity_of("$email")], "emails")
        .await?;
    copy(database, "products", vec![entity_of("$sku")], "skus").await?;
    copy(database, "orders", vec![key_of_order("$number")], "order_keys").await?;
    drop_indexes(database, &UNIQUE).await
}

/// Drops the indexes that others have replaced: each slows down every write.
pub(super) async fn drop_replaced_indexes(database: &Database) -> Result<()> {
    drop_indexes(database, &REPLACED).await
}

async fn drop_indexes(database: &Database, indexes: &[(&str, &str)]) -> Result<()> {
    for (collection, index) in indexes {
        let dropped = database.collection::<Document>(collection).drop_index(*index).await;
        dropped.or_else(|error| match &*error.kind {
            ErrorKind::Command(command) if ABSENT.contains(&command.code) => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(())
}

/// Adds the documents by which a sharded cluster finds orders by id and by customer.
pub(super) async fn complete_order_keys(database: &Database) -> Result<()> {
    copy(database, "orders", vec![key_of_order("$_id")], "order_keys").await?;
    let regions = doc! { "_id": "$customer", "regions": { "$addToSet": "$region" } };
    copy(database, "orders", vec![doc! { "$group": regions }], "order_keys").await
}

fn key_of_order(name: &str) -> Document {
    doc! { "$project": { "_id": name, "order": "$_id", "region": 1, "customer": 1 } }
}

fn entity_of(value: &str) -> Document {
    doc! { "$project": { "_id": value, "entity": "$_id" } }
}

/// Adds what the pipeline makes of a collection to another one.
async fn copy(database: &Database, from: &str, mut pipeline: Vec<Document>, to: &str) -> Result<()> {
    pipeline.push(doc! { "$merge": { "into": to, "on": "_id", "whenMatched": "keepExisting" } });
    database.collection::<Document>(from).aggregate(pipeline).allow_disk_use(true).await?;
    Ok(())
}
