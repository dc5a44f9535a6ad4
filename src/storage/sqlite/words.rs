//! The words by which entities are found: stored beside the entities, and indexed by triggers (`migrations/0005.sql`).
//!
//! Decision: `docs/decisions/0019-words-are-made-by-the-domain.md`.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, TransactionBehavior, params};

use crate::{
    domain::{Product, ProductStatus, SearchTerms, SearchWords, Task, User},
    storage::Result,
};

/// Rows whose words are added in one transaction.
const BATCH: i64 = 1000;
/// Begins each word of a product that is not on sale. Words are letters and digits, so none has it.
const MARK: char = '†';

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
            Self::Products => words_of_product(
                &required("name")?,
                &required("sku")?,
                optional("description")?.as_deref(),
                row.get("status")?,
            ),
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
    all_of(terms, |term| format!("\"{term}\""))
}

/// The same for products of a status; `None` means any.
pub(super) fn product_query(terms: &SearchTerms, status: Option<ProductStatus>) -> String {
    all_of(terms, |term| match status {
        Some(status) if status.is_on_sale() => format!("\"{term}\""),
        Some(_) => format!("\"{MARK}{term}\""),
        None => format!("(\"{term}\" OR \"{MARK}{term}\")"),
    })
}

fn all_of(terms: &SearchTerms, query: impl Fn(&String) -> String) -> String {
    let each: Vec<String> = terms.terms().iter().map(query).collect();
    if each.is_empty() { "\"\"".to_owned() } else { each.join(" AND ") }
}

/// The words by which a product is found: with a mark if it is not on sale, so that a search among the products on sale
/// finds none of the others in the index.
pub(super) fn words_of_product(name: &str, sku: &str, description: Option<&str>, status: ProductStatus) -> SearchWords {
    let SearchWords { mut title, mut other } = Product::search_words(name, sku, description);
    if !status.is_on_sale() {
        title.iter_mut().chain(&mut other).for_each(|word| word.insert(0, MARK));
    }
    SearchWords { title, other }
}

/// Words that are stored in a column, without marks, as an expression.
pub(super) fn unmarked(column: &str) -> String {
    format!("replace({column}, '{MARK}', '')")
}
