//! Carries over what version 2 of the schema stored. It kept e-mail addresses, SKUs and order numbers unique by indexes,
//! and found orders by their ids alone.
//!
//! The steps change nothing that is there already, so several nodes may take them at the same time, and again after a
//! crash. The server copies the values itself.

use bson::{Document, doc};
use mongodb::{Database, error::ErrorKind};

use crate::storage::Result;

/// The unique indexes of version 2.
const INDEXES: [(&str, &str); 3] = [("users", "email"), ("products", "sku"), ("orders", "number")];
/// `NamespaceNotFound` and `IndexNotFound`.
const ABSENT: [i32; 2] = [26, 27];

/// Fills the collections of unique values, and drops the indexes that they replace.
pub(super) async fn carry_over_unique_values(database: &Database) -> Result<()> {
    let of_order = |name: &str| doc! { "_id": name, "order": "$_id", "region": 1, "customer": 1 };
    let regions = doc! { "_id": "$customer", "regions": { "$addToSet": "$region" } };
    copy(database, "users", vec![doc! { "$match": { "email": { "$exists": true } } }, entity_of("$email")], "emails")
        .await?;
    copy(database, "products", vec![entity_of("$sku")], "skus").await?;
    for name in ["$number", "$_id"] {
        copy(database, "orders", vec![doc! { "$project": of_order(name) }], "order_keys").await?;
    }
    copy(database, "orders", vec![doc! { "$group": regions }], "order_keys").await?;
    for (collection, index) in INDEXES {
        let dropped = database.collection::<Document>(collection).drop_index(index).await;
        dropped.or_else(|error| match &*error.kind {
            ErrorKind::Command(command) if ABSENT.contains(&command.code) => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(())
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
