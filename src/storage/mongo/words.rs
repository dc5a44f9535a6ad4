//! Stores the words of documents anew after a change of how texts become words.
//!
//! The field `words` of the document `log` in `counters` is the version of the words that all documents have. A node that
//! finds another one there compares the words of every document with those that the domain makes. It records its version
//! only if all were right: while older nodes run, they store words of the older kind, which the next start finds.
//!
//! Decision: `docs/decisions/0019-words-are-made-by-the-domain.md`.

use bson::{Binary, Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::{Collection, Database};

use super::{
    codec::{binary, read_fields},
    read::{OPERATION_TIMEOUT, TimedRead, collect_rows},
};
use crate::{
    domain::{MAX_NAME_KEY, Product, SearchWords, Task, User},
    storage::Result,
};

/// The version of the words that the domain makes.
pub(super) const WORDS: i32 = 2;
/// Documents that are compared at a time.
const CHUNK: i64 = 500;

/// Stores the words that differ from those that the domain makes, and cuts sort keys that older versions left unbounded.
pub(super) async fn renew(database: &Database) -> Result<()> {
    let counters = database.collection::<Document>("counters");
    if counters.count_documents(doc! { "_id": "log", "words": WORDS }).max_time(OPERATION_TIMEOUT).await? == 1 {
        return Ok(());
    }
    let mut renewed = cut_name_keys(database).await?;
    for collection in ["products", "tasks", "users"] {
        renewed += renew_all(database, collection).await?;
    }
    if renewed > 0 {
        tracing::info!(renewed, "stored the words of entities anew");
        return Ok(());
    }
    counters.update_one(doc! { "_id": "log" }, doc! { "$set": { "words": WORDS } }).await?;
    Ok(())
}

async fn cut_name_keys(database: &Database) -> Result<u64> {
    let mut cut = 0;
    let most = MAX_NAME_KEY as i32;
    for collection in ["products", "users"] {
        let long = doc! { "$expr": { "$gt": [{ "$strLenCP": "$name_key" }, most] } };
        let key = doc! { "$set": { "name_key": { "$substrCP": ["$name_key", 0, most] } } };
        let done = database.collection::<Document>(collection).update_many(long, vec![key]).await?;
        cut += done.modified_count;
    }
    Ok(cut)
}

async fn renew_all(database: &Database, name: &str) -> Result<u64> {
    let collection: Collection<RawDocumentBuf> = database.collection(name);
    let (mut renewed, mut after) = (0, None::<Binary>);
    loop {
        let rest = after.map_or_else(|| doc! {}, |id| doc! { "_id": { "$gt": id } });
        let find = collection.find(rest).sort(doc! { "_id": 1 }).limit(CHUNK).timed_batch().await?;
        let rows = collect_rows(find, row).await?;
        let Some(last) = rows.last() else { return Ok(renewed) };
        after = Some(binary(&last.id));
        let updates: Vec<Bson> = rows.into_iter().filter(|row| row.stored != row.words()).map(Row::update).collect();
        if !updates.is_empty() {
            renewed += updates.len() as u64;
            database.run_command(doc! { "update": name, "updates": updates }).await?;
        }
    }
}

/// What a document says of its words.
struct Row {
    id: [u8; 16],
    version: i32,
    made: SearchWords,
    stored: Vec<String>,
}

fn row(document: &RawDocument) -> Result<Row> {
    read_fields!(document,
        id: "_id", version: "version", name: "name", sku: "sku", email: "email", title: "title",
        description: "description", deleted_at: "deleted_at", words: "words");
    let description: Option<String> = description.optional()?;
    let made = if let Some(title) = title.optional::<String>()? {
        Task::search_words(&title, description.as_deref())
    } else if let Some(sku) = sku.optional::<String>()? {
        Product::search_words(&name.required::<String>()?, &sku, description.as_deref())
    } else if deleted_at.value.is_none() {
        User::search_words(&name.required::<String>()?, email.optional::<String>()?.as_deref())
    } else {
        SearchWords::default()
    };
    Ok(Row { id: id.required()?, version: version.required()?, made, stored: words.optional()?.unwrap_or_default() })
}

impl Row {
    fn words(&self) -> Vec<String> {
        [self.made.title.as_slice(), &self.made.other].concat()
    }

    /// Stores the words unless the document has changed in the meantime, and its words with it.
    fn update(self) -> Bson {
        let set = doc! { "title_length": self.made.title.len() as i32, "words": self.words() };
        doc! { "q": { "_id": binary(&self.id), "version": self.version }, "u": { "$set": set } }.into()
    }
}
