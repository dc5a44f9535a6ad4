//! How the collections are spread over the shards of a cluster: one table. `orderwire shard-plan` prints the commands
//! for it, and tests check that what is sent to the server names the shard key.
//!
//! Decision: `docs/decisions/0022-shard-keys.md`.

use std::fmt::Write;

use super::url::{DEFAULT_DATABASE, parse_url};
use crate::storage::Result;

/// A collection and its place in a sharded cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardedCollection {
    /// The name of the collection.
    pub name: &'static str,
    /// What decides on which shard a document is.
    pub key: ShardKey,
    /// Why this is the key, as `orderwire shard-plan` prints it.
    pub why: &'static str,
}

/// What decides on which shard a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardKey {
    /// The hash of `_id`, which spreads new documents evenly.
    HashedId,
    /// Ranges of these fields. A command that names the first ones goes to the shards that have such documents.
    Ranges(&'static [&'static str]),
    /// Nothing: the collection is whole on the primary shard of the database.
    Unsharded,
}

impl ShardKey {
    /// The fields of the key, none for a collection that is not sharded.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::HashedId => &["_id"],
            Self::Ranges(fields) => fields,
            Self::Unsharded => &[],
        }
    }
}

const fn collection(name: &'static str, key: ShardKey, why: &'static str) -> ShardedCollection {
    ShardedCollection { name, key, why }
}

/// Every collection of a database.
pub const SHARDED_COLLECTIONS: [ShardedCollection; 17] = [
    collection("users", ShardKey::HashedId, "users are found by id"),
    collection("emails", ShardKey::HashedId, "an e-mail address leads to its user, and is unique in the cluster"),
    collection("sessions", ShardKey::HashedId, "each request finds its session by id"),
    collection("api_keys", ShardKey::Unsharded, "there are few"),
    collection("products", ShardKey::HashedId, "products are read, and their stock is changed, by id"),
    collection("skus", ShardKey::HashedId, "a SKU leads to its product, and is unique in the cluster"),
    collection(
        "orders",
        ShardKey::Ranges(&["region", "customer", "_id"]),
        "orders are near their region, and a customer's are together; order_keys has what leads to them",
    ),
    collection(
        "order_keys",
        ShardKey::HashedId,
        "a number or an id leads to its order and is unique in the cluster, a customer leads to the regions of theirs",
    ),
    collection("tasks", ShardKey::HashedId, "tasks are read and changed by id"),
    collection("log", ShardKey::Ranges(&["_id"]), "readers follow the numbers of the event log"),
    collection("log_texts", ShardKey::HashedId, "an entry of the log names its long text by hash"),
    collection("idempotency", ShardKey::Ranges(&["_id"]), "a key begins with its user"),
    collection("outbox", ShardKey::Unsharded, "one clock gives the order in which the log is numbered"),
    collection("deliveries", ShardKey::Unsharded, "a bounded number of them is kept"),
    collection("jobs", ShardKey::Unsharded, "one clock says when they are due"),
    collection("consumers", ShardKey::Unsharded, "there are few of them"),
    collection("counters", ShardKey::Unsharded, "it is one document"),
];

/// Commands for `mongosh` that shard the database which the URL names. Fails if the URL is malformed; no message contains
/// its credentials.
pub fn shard_plan(url: &str) -> Result<String> {
    Ok(plan_of(parse_url(url)?.default_database.as_deref().unwrap_or(DEFAULT_DATABASE)))
}

fn plan_of(database: &str) -> String {
    let mut plan = String::from(
        "// Run this with mongosh on a router (mongos), before or after Orderwire's first start. It can be run again.\n\
         // Commands that shard a collection with data need time and I/O; run them when there is little traffic.\n",
    );
    let _ = writeln!(plan, "const shop = db.getSiblingDB({database:?});\nsh.enableSharding({database:?});");
    for ShardedCollection { name, key, why } in SHARDED_COLLECTIONS {
        let fields = match key {
            ShardKey::HashedId => "_id: \"hashed\"".to_owned(),
            ShardKey::Ranges(fields) => fields.iter().map(|field| format!("{field}: 1")).collect::<Vec<_>>().join(", "),
            ShardKey::Unsharded => {
                let _ = writeln!(plan, "\n// {name} is not sharded: {why}.");
                continue;
            }
        };
        let _ = writeln!(plan, "\n// {name}: {why}.");
        if fields != "_id: 1" {
            let _ = writeln!(plan, "shop.getCollection({name:?}).createIndex({{ {fields} }});");
        }
        let _ = writeln!(plan, "sh.shardCollection({:?}, {{ {fields} }});", format!("{database}.{name}"));
    }
    let _ = write!(
        plan,
        "\n// To keep the orders of a region on shards of their own, give these a zone, and the zone the region:\n\
         // sh.addShardToZone(\"SHARD\", \"eu\");\n\
         // sh.updateZoneKeyRange({orders:?}, {{ region: \"France\", customer: MinKey, _id: MinKey }},\n\
         //   {{ region: \"France\", customer: MaxKey, _id: MaxKey }}, \"eu\");\n",
        orders = format!("{database}.orders"),
    );
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_shards_the_database_of_the_url_and_says_why() {
        let plan = shard_plan("mongodb://ann:s3cret@one,two/shop?authSource=admin").unwrap();
        for part in [
            "sh.enableSharding(\"shop\");\n",
            "// users: users are found by id.\nshop.getCollection(\"users\").createIndex({ _id: \"hashed\" });\n\
             sh.shardCollection(\"shop.users\", { _id: \"hashed\" });\n",
            "sh.shardCollection(\"shop.orders\", { region: 1, customer: 1, _id: 1 });\n",
            "the event log.\nsh.shardCollection(\"shop.log\", { _id: 1 });\n",
            "// outbox is not sharded: ",
        ] {
            assert!(plan.contains(part), "{part} in {plan}");
        }
        assert!(!plan.contains("s3cret"));
        let without_name = shard_plan("mongodb+srv://cluster.example.com").unwrap();
        assert!(without_name.contains("\"orderwire.users\""), "{without_name}");
        let refused = shard_plan("mongodb://ann:s3cr%et@host/shop").unwrap_err().to_string();
        assert!(refused.contains("MongoDB URL") && !refused.contains("s3cr"), "{refused}");
    }
}
