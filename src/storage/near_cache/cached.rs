//! What the kinds of cached entities have in common.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use async_trait::async_trait;
use ulid::Ulid;

use super::{
    change::{Change, ChangeList},
    key::{Key, Value},
};
use crate::{
    domain::{Edge, ListQuery, Page, Position},
    storage::{Result, Store},
    telemetry::metrics::CacheName,
};

/// A list query over entities of this kind.
pub(super) type Query<T> = ListQuery<<T as Cached>::Filter, <T as Cached>::Sort, <T as Cached>::Fields>;

/// An entity that is cached.
#[async_trait]
pub(super) trait Cached: Clone + Debug + Send + Sync + Sized + 'static {
    /// Its id.
    type Id: Copy + Eq + Hash + From<Ulid> + Send + Sync;
    /// The filter of its lists.
    type Filter: Clone + Eq + Hash + Send + Sync;
    /// The sort fields of its lists.
    type Sort: Copy + Eq + Hash + Send + Sync;
    /// The costly fields of its lists.
    type Fields: Copy + Eq + Hash + Send + Sync;

    /// Names it in metrics.
    const NAME: CacheName;
    /// All costly fields.
    const WHOLE: Self::Fields;

    fn id(&self) -> Self::Id;
    fn key(id: Self::Id) -> Key;
    fn change(id: Self::Id) -> Change;
    fn into_value(self) -> Value;
    fn from_value(value: &Value) -> Option<&Arc<Self>>;
    /// A copy as a list has it: the costly fields that are not asked for are empty.
    fn with_fields(&self, fields: Self::Fields) -> Self;
    /// The key of a page; its query reads all fields.
    fn page_key(query: Query<Self>) -> Key;
    /// What a page depends on, apart from the entities that it shows.
    fn page_depends_on(query: &Query<Self>) -> ChangeList;
    /// Reads entities from the engine.
    async fn by_ids(engine: &dyn Store, ids: &[Self::Id]) -> Result<Vec<Option<Self>>>;
    /// Reads pages from the engine.
    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>>;
}

/// An entity with a unique value that it never changes.
#[async_trait]
pub(super) trait Named: Cached {
    fn ulid(&self) -> Ulid;
    fn name_key(name: String) -> Key;
    /// Reads entities by this value from the engine.
    async fn by_names(engine: &dyn Store, names: &[String]) -> Result<Vec<Option<Self>>>;
}

/// The same query for whole rows.
pub(super) fn whole<T: Cached>(query: &Query<T>) -> Query<T> {
    ListQuery { fields: T::WHOLE, ..query.clone() }
}

/// The page with the fields that were asked for.
pub(super) fn page_with_fields<T: Cached>(page: Page<T>, fields: T::Fields) -> Page<T> {
    if fields == T::WHOLE { page } else { page.map(|row| row.with_fields(fields)) }
}

/// A row of a page.
pub(super) fn edge<T: Cached>(position: &Position, node: &T, fields: T::Fields) -> Edge<T> {
    let node = if fields == T::WHOLE { node.clone() } else { node.with_fields(fields) };
    Edge { position: position.clone(), node }
}
