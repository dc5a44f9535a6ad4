//! Metadata: JSON in the row of its entity, and the items by which lists find entities.
//!
//! Decision: `docs/decisions/0035-metadata.md`.

use rusqlite::{Connection, params};

use super::{
    list::ListBuilder,
    row::{Json, NamedRow, json},
};
use crate::{
    domain::{Metadata, MetadataFilter},
    storage::Result,
};

/// A kind of entity whose lists have a filter by metadata.
#[derive(Debug, Clone, Copy)]
pub(super) enum WithMetadata {
    Products,
    Orders,
    Tasks,
}

impl WithMetadata {
    fn kind(self) -> &'static str {
        match self {
            Self::Products => "PRODUCT",
            Self::Orders => "ORDER",
            Self::Tasks => "TASK",
        }
    }

    /// The list from the hits, joined with the entities.
    fn joined_hits(self) -> &'static str {
        match self {
            Self::Products => "hits CROSS JOIN products p ON p.id = hits.id",
            Self::Orders => "hits CROSS JOIN orders o ON o.id = hits.id",
            Self::Tasks => "hits CROSS JOIN tasks t ON t.id = hits.id",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Products => "p.id",
            Self::Orders => "o.id",
            Self::Tasks => "t.id",
        }
    }
}

/// The metadata in a row.
pub(super) fn from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Metadata> {
    Ok(row.get::<Option<Json<Metadata>>>("metadata")?.map(|json| json.0).unwrap_or_default())
}

/// The value of the column; NULL if there is none.
pub(super) fn column(metadata: &Metadata) -> Result<Option<String>> {
    (!metadata.is_empty()).then(|| json(metadata)).transpose()
}

/// Stores the items of an entity in place of those that it had.
pub(super) fn index(db: &Connection, kind: WithMetadata, id: [u8; 16], old: &Metadata, new: &Metadata) -> Result<()> {
    if old == new {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM metadata WHERE id = ?1")?.execute([id])?;
    let mut insert =
        db.prepare_cached("INSERT INTO metadata (kind, key, value, private, id) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (private, items) in [(false, &new.public), (true, &new.private)] {
        for (key, value) in items {
            insert.execute(params![kind.kind(), key, value, private, id])?;
        }
    }
    Ok(())
}

/// Narrows a list to the entities with this metadata: by the index of items, unless another condition has chosen one.
pub(super) fn filter(list: &mut ListBuilder, kind: WithMetadata, filter: &MetadataFilter) {
    let key = list.bind(filter.key.clone());
    let value = filter.value.clone().map(|value| format!(" AND m.value = {}", list.bind(value))).unwrap_or_default();
    let public = if filter.public_only { " AND m.private = 0" } else { "" };
    if list.has_index() {
        let id = kind.id();
        list.filter_by(format!(
            "EXISTS (SELECT 1 FROM metadata m INDEXED BY metadata_by_id WHERE m.id = {id} AND m.key = {key}{value}{public})"
        ));
    } else {
        let name = kind.kind();
        let hits = format!(
            "SELECT DISTINCT m.id AS id FROM metadata m WHERE m.kind = '{name}' AND m.key = {key}{value}{public}"
        );
        list.start_from_hits(kind.joined_hits(), &hits);
    }
}
