//! Commands that a sharded cluster can serve on one shard: a command on a sharded collection names its shard key.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bson::{Bson, Document};
use orderwire::storage::mongo::{CommandObserver, SHARDED_COLLECTIONS, ShardKey, ShardedCollection};

/// A kind of command that goes to all shards: one whose filter names no other fields than these.
struct Scattered {
    collection: &'static str,
    fields: &'static [&'static str],
    #[expect(dead_code, reason = "it is for readers")]
    why: &'static str,
}

const fn scattered(collection: &'static str, fields: &'static [&'static str], why: &'static str) -> Scattered {
    Scattered { collection, fields, why }
}

/// The commands that may go to all shards. Ranges of `_id` stand for the places of cursors, and don't count as a field.
const SCATTERED: [Scattered; 11] = [
    scattered(
        "users",
        &["deleted_at", "role", "words", "created_at", "name_key"],
        "staff list and search all users, in an order of their choice",
    ),
    scattered(
        "products",
        &["status", "tags", "words", "stock", "price", "created_at", "name_key", "_score", "metadata_terms"],
        "the catalogue is listed and searched by its words, tags and prices, whatever the ids",
    ),
    scattered(
        "orders",
        &["placed_at", "total", "status", "items.product", "metadata_terms"],
        "staff list the orders of all customers; so do best-selling products, which are counted from recent orders",
    ),
    scattered(
        "tasks",
        &[
            "status",
            "priority",
            "viewers",
            "assignee",
            "created_by",
            "order",
            "words",
            "created_at",
            "due_key",
            "metadata_terms",
        ],
        "a task is listed for who made it, who does it and its order; no key serves all three",
    ),
    scattered("sessions", &["user"], "a new password or a deletion ends all sessions of a user, which is rare"),
    scattered("sessions", &["expires_at"], "an hourly job deletes expired sessions"),
    scattered("idempotency", &["created_at"], "an hourly job deletes old keys"),
    scattered("log", &["about"], "a cursor that names an entry by its id has no number; it is looked up once"),
    scattered("log", &["newest"], "an hourly job looks for the first chunk that is to be kept"),
    scattered("log", &["texts"], "an hourly job asks whether an entry names a text that was not used for days"),
    scattered("log_texts", &["used_at", "$expr"], "an hourly job looks for texts that were not used for days"),
];

/// Collections that are listed without a filter.
const LISTED: [&str; 4] = ["users", "products", "orders", "tasks"];

/// The first look of a process at the log, and the first one after it was pruned.
fn is_look_at_the_whole_log(command: &Document) -> bool {
    command.get_str("find").is_ok_and(|collection| collection == "log")
        && command.get_i64("limit").is_ok_and(|limit| limit == 1)
        && command.get_document("filter").is_ok_and(Document::is_empty)
}

/// The filters of a command with its collection; none if it finds no documents.
fn filters(command: &Document) -> Option<(&str, Vec<Document>)> {
    let (name, collection) = command.iter().next()?;
    let collection = collection.as_str()?;
    let each = |list: &str, filter: &str| {
        let statements = command.get_array(list).unwrap();
        statements.iter().map(|one| one.as_document().unwrap().get_document(filter).unwrap().clone()).collect()
    };
    let one = |filter: &str| vec![command.get_document(filter).cloned().unwrap_or_default()];
    Some(match name.as_str() {
        "find" => (collection, one("filter")),
        "findAndModify" => (collection, one("query")),
        "count" | "distinct" => (collection, one("query")),
        "update" => (collection, each("updates", "q")),
        "delete" => (collection, each("deletes", "q")),
        "aggregate" => (collection, vec![pipeline_filter(command.get_array("pipeline").unwrap())]),
        _ => return None,
    })
}

/// The filter at the start of a pipeline.
fn pipeline_filter(pipeline: &[Bson]) -> Document {
    let first = pipeline.first().and_then(Bson::as_document);
    first.and_then(|stage| stage.get_document("$match").ok()).cloned().unwrap_or_default()
}

/// Whether the condition on a field leads to the shards of some values.
fn is_among_values(condition: &Bson) -> bool {
    let operators = condition.as_document().filter(|one| one.keys().next().is_some_and(|key| key.starts_with('$')));
    operators.is_none_or(|operators| operators.contains_key("$in") || operators.contains_key("$eq"))
}

fn is_range(condition: &Bson) -> bool {
    let bounds = ["$gt", "$gte", "$lt", "$lte"];
    condition.as_document().is_some_and(|one| bounds.iter().any(|bound| one.contains_key(bound)))
}

/// The conditions on `field` that all documents must pass.
fn conditions<'f>(filter: &'f Document, field: &str) -> Vec<&'f Bson> {
    let all = filter.get_array("$and").into_iter().flatten().filter_map(Bson::as_document);
    filter.get(field).into_iter().chain(all.flat_map(|part| conditions(part, field))).collect()
}

fn is_targeted(filter: &Document, key: ShardKey) -> bool {
    let names = |field: &str, fits: fn(&Bson) -> bool| conditions(filter, field).into_iter().any(fits);
    match key {
        ShardKey::Unsharded => true,
        ShardKey::HashedId => names("_id", is_among_values),
        // The numbers of the log are followed by ranges.
        ShardKey::Ranges(["_id"]) => names("_id", is_among_values) || names("_id", is_range),
        ShardKey::Ranges(fields) => {
            let prefix = fields.iter().take_while(|field| names(field, is_among_values)).count();
            // What names an order or a customer names all that comes before it in the key.
            let named = fields.iter().filter(|field| names(field, is_among_values)).count();
            prefix > 0 && prefix == named
        }
    }
}

/// The fields that a filter has conditions on, without ranges of `_id`.
fn fields(filter: &Document, found: &mut BTreeSet<String>) {
    for (field, condition) in filter {
        match (field.as_str(), condition) {
            ("$and" | "$or", Bson::Array(parts)) => {
                parts.iter().filter_map(Bson::as_document).for_each(|part| fields(part, found));
            }
            ("_id", condition) if is_range(condition) => {}
            (field, _) => _ = found.insert(field.to_owned()),
        }
    }
}

/// What is wrong with a command.
pub fn fault(command: &Document) -> Option<String> {
    let (collection, filters) = filters(command)?;
    if collection.starts_with('$') || is_look_at_the_whole_log(command) {
        return None;
    }
    let Some(ShardedCollection { key, .. }) = SHARDED_COLLECTIONS.iter().find(|one| one.name == collection) else {
        return Some(format!("{collection} is not in the table of collections: {command}"));
    };
    let may_scatter = |filter: &Document| {
        let mut found = BTreeSet::new();
        fields(filter, &mut found);
        let kind = |one: &Scattered| {
            one.collection == collection && found.iter().all(|field| one.fields.contains(&field.as_str()))
        };
        SCATTERED.iter().any(kind) && (!found.is_empty() || LISTED.contains(&collection))
    };
    let wrong = filters.iter().find(|filter| !is_targeted(filter, *key) && !may_scatter(filter))?;
    Some(format!("{wrong} names no shard key of {collection}: {command}"))
}

/// What is wrong with a read that the server does not stop by itself. Updates and deletions end with their transaction, or
/// touch one document.
pub fn lasting(command: &Document) -> Option<String> {
    let (name, _) = command.iter().next()?;
    let reads = ["find", "aggregate", "count", "distinct"].contains(&name.as_str());
    let limited = command.get("maxTimeMS").is_some();
    // Carrying over an older version's data, at the first start of a new one, takes as long as it must.
    let carries_over = command.get_array("pipeline").is_ok_and(|pipeline| {
        pipeline.last().and_then(Bson::as_document).is_some_and(|stage| stage.contains_key("$merge"))
    });
    (reads && !limited && !carries_over).then(|| format!("the server does not end it in time: {command}"))
}

/// Collects the faults of the commands that a store sends.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<BTreeSet<String>>>);

impl Faults {
    pub fn observer(&self) -> CommandObserver {
        let faults = self.0.clone();
        CommandObserver(Arc::new(move |command| {
            faults.lock().unwrap().extend(fault(command).into_iter().chain(lasting(command)));
        }))
    }

    pub fn found(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn reads_without_a_time_limit_are_found() {
        for (wrong, command) in [
            (true, doc! { "find": "products", "filter": { "_id": 1 } }),
            (false, doc! { "find": "products", "filter": { "_id": 1 }, "maxTimeMS": 5 }),
            (true, doc! { "aggregate": "products", "pipeline": [{ "$match": {} }] }),
            (false, doc! { "aggregate": "products", "pipeline": [{ "$merge": { "into": "skus" } }] }),
            (true, doc! { "aggregate": 1, "pipeline": [{ "$currentOp": {} }] }),
            (true, doc! { "count": "products", "query": {} }),
            (true, doc! { "distinct": "products", "key": "sku" }),
            (false, doc! { "insert": "products", "documents": [] }),
            (false, doc! { "getMore": 1_i64, "collection": "products" }),
        ] {
            assert_eq!(lasting(&command).is_some(), wrong, "{command}");
        }
    }

    #[test]
    fn commands_without_their_shard_key_are_found() {
        let page = doc! { "created_at": 1, "_id": { "$gt": 2 } };
        for (wrong, command) in [
            (false, doc! { "find": "products", "filter": { "_id": 1 } }),
            (false, doc! { "find": "products", "filter": { "_id": { "$in": [1, 2] } } }),
            (true, doc! { "find": "products", "filter": { "sku": 1 } }),
            (false, doc! { "find": "products", "filter": { "status": 1, "$or": [page.clone()] } }),
            (true, doc! { "find": "products", "filter": { "status": 1, "$or": [{ "sku": 2 }] } }),
            (true, doc! { "find": "orders", "filter": { "_id": 1 } }),
            (true, doc! { "find": "orders", "filter": { "customer": 1 } }),
            (true, doc! { "find": "orders", "filter": { "region": "x", "_id": 1 } }),
            (false, doc! { "find": "orders", "filter": { "region": "x", "customer": 1 } }),
            (false, doc! { "find": "orders", "filter": { "region": { "$in": ["x"] }, "customer": 1, "_id": 1 } }),
            (false, doc! { "find": "orders", "filter": { "status": 1 } }),
            (true, doc! { "update": "orders", "updates": [{ "q": { "_id": 1 }, "u": {} }] }),
            (false, doc! { "find": "orders", "filter": {} }),
            (true, doc! { "delete": "sessions", "deletes": [{ "q": {} }] }),
            (true, doc! { "delete": "sessions", "deletes": [{ "q": { "token": 1 } }] }),
            (false, doc! { "delete": "sessions", "deletes": [{ "q": { "user": 1 } }] }),
            (true, doc! { "findAndModify": "sessions", "query": { "token": 1 } }),
            (true, doc! { "aggregate": "sessions", "pipeline": [{ "$match": { "token": 1 } }] }),
            (true, doc! { "find": "log", "filter": { "last": { "$gt": 5 } } }),
            (true, doc! { "find": "log", "filter": {} }),
            (false, doc! { "find": "log", "filter": {}, "limit": 1_i64 }),
            (false, doc! { "find": "log", "filter": { "last": { "$gt": 5 }, "_id": { "$gt": 1 } } }),
            (true, doc! { "find": "log", "filter": { "about": 1, "last": { "$gt": 5 } } }),
            (false, doc! { "find": "outbox", "filter": {} }),
            (true, doc! { "find": "unheard_of", "filter": { "_id": 1 } }),
            (false, doc! { "insert": "products", "documents": [] }),
        ] {
            assert_eq!(fault(&command).is_some(), wrong, "{command}");
        }
    }
}
