//! The words by which entities are found: stored beside the entities, and indexed by triggers (`migrations/0005.sql`).
//!
//! Decision: `docs/decisions/0019-words-are-made-by-the-domain.md`.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, TransactionBehavior, params};

use crate::{
    domain::{Product, SearchTerms, SearchWords, Task, User},
    storage::Result,
};

/// Rows whose words are added in one transaction.
const BATCH: i64 = 1000;

/// A kind of entity that is searched.
#[derive(Debug, Clone, Copy)]
pub(super) enum Searched {
    Products,
    Tasks,
    Users,
}

impl Searched {
    const ALL: [Self; 3] = [Self::Products, Self::Tasks, Self::Users];

    /// The tables of the entities and of their words.
    fn tables(self) -> (&'static str, &'static str) {
        match self {
            Self::Products => ("products", "product_words"),
            Self::Tasks => ("tasks", "task_words"),
            Self::Users => ("users", "user_words"),
        }
    }

    /// The words of an entity, from its row.
    fn words(self, row: &Row<'_>) -> rusqlite::Result<SearchWords> {
        let required = |column: &str| row.get::<_, String>(column);
        let optional = |column: &str| row.get::<_, Option<String>>(column);
        Ok(match self {
            Self::Products => {
                Product::search_words(&required("name")?, &required("sku")?, optional("description")?.as_deref())
            }
            Self::Tasks => Task::search_words(&required("title")?, optional("description")?.as_deref()),
            Self::Users => User::search_words(&required("name")?, optional("email")?.as_deref()),
        })
    }
}

/// Adds the words of an entity if it has none: it is new, or its text has changed.
pub(super) fn complete(
    db: &Connection,
    kind: Searched,
    id: impl ToSql,
    words: impl FnOnce() -> SearchWords,
) -> Result<()> {
    let (entities, table) = kind.tables();
    let sql = format!(
        "SELECT row FROM {entities} WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM {table} w WHERE w.row = {entities}.row)"
    );
    match db.prepare_cached(&sql)?.query_row([id], |found| found.get("row")).optional()? {
        Some(row) => add(db, kind, row, &words()),
        None => Ok(()),
    }
}

/// Adds the words of all entities that have none.
pub(super) fn complete_all(db: &mut Connection) -> Result<()> {
    for kind in Searched::ALL {
        let (entities, table) = kind.tables();
        let missing = format!(
            "SELECT * FROM {entities} e WHERE NOT EXISTS (SELECT 1 FROM {table} w WHERE w.row = e.row) LIMIT {BATCH}"
        );
        // Looked for without a lock first: as a rule there are none.
        while db.prepare(&missing)?.exists([])? {
            let batch = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let found: Vec<(i64, SearchWords)> = batch
                .prepare(&missing)?
                .query_map([], |row| Ok((row.get("row")?, kind.words(row)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (row, words) in found {
                add(&batch, kind, row, &words)?;
            }
            batch.commit()?;
        }
    }
    Ok(())
}

fn add(db: &Connection, kind: Searched, row: i64, words: &SearchWords) -> Result<()> {
    let (_, table) = kind.tables();
    let sql = format!("INSERT INTO {table} (row, title, other, title_length) VALUES (?1, ?2, ?3, ?4)");
    let SearchWords { title, other } = words;
    db.prepare_cached(&sql)?.execute(params![row, title.join(" "), other.join(" "), title.len() as i64])?;
    Ok(())
}

/// The full-text query for rows that have every one of the words; of none, it is the empty phrase, which no row has.
pub(super) fn fts_query(terms: &SearchTerms) -> String {
    if terms.terms().is_empty() {
        return "\"\"".to_owned();
    }
    let quoted: Vec<String> = terms.terms().iter().map(|term| format!("\"{term}\"")).collect();
    quoted.join(" ")
}
