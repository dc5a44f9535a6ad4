//! What the kinds of cached entities have in common.

use std::{
    fmt::{Debug, Display},
    hash::Hash,
    sync::Arc,
};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use ulid::Ulid;

use super::{
    change::{Change, ChangeList},
    key::{Key, Value},
};
use crate::{
    domain::{ListQuery, Page, Timestamp, UserId},
    storage::{Result, Store},
    telemetry::metrics::CacheName,
};

/// A list query over entities of this kind.
pub(super) type Query<T> = ListQuery<<T as Cached>::Filter, <T as Cached>::Sort, <T as Cached>::Fields>;

/// An entity that is cached.
#[async_trait]
pub(super) trait Cached: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Its id.
    type Id: Copy + Display + Eq + Hash + From<Ulid> + Send + Sync;
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
    /// Each choice of costly fields, [`Self::WHOLE`] first. What was read with each is cached by itself, so that no read
    /// reads more than it is asked for.
    const FIELDS: &[Self::Fields];
    /// Any change of an entity of this kind.
    const CHANGES: &[Change];
    /// Whether entities of this kind are deleted.
    const IS_DELETED: bool;
    /// What nodes call them where they keep them for each other. Not what is deleted, nor people's data.
    const SHARED_AS: Option<&'static str> = None;

    fn id(&self) -> Self::Id;
    /// Its version, and the time of the change that made it.
    fn version(&self) -> (i32, Timestamp);
    /// Estimated bytes that it takes.
    fn bytes(&self) -> usize;
    fn key(id: Self::Id, fields: Self::Fields) -> Key;
    fn change(id: Self::Id) -> Change;
    fn value(entity: Arc<Self>) -> Value;
    fn from_value(value: &Value) -> Option<&Arc<Self>>;
    /// A copy as a list has it: the costly fields that are not asked for are empty.
    fn with_fields(&self, fields: Self::Fields) -> Self;
    /// The key of a page.
    fn page_key(query: Query<Self>) -> Key;
    /// What a page depends on, apart from the entities that it shows.
    fn page_depends_on(query: &Query<Self>) -> ChangeList {
        Self::count_depends_on(&query.filter)
    }
    /// The customer whose newest orders a query asks for, whatever they are, and how many of them.
    fn newest_of(_query: &Query<Self>) -> Option<(UserId, usize)> {
        None
    }
    /// Whether an entity that passes this filter passes it for ever, at the same place of each list.
    fn stays_listed(_filter: &Self::Filter) -> bool {
        false
    }
    /// The key of a count.
    fn count_key(filter: Self::Filter) -> Key;
    /// What a count depends on.
    fn count_depends_on(filter: &Self::Filter) -> ChangeList;
    /// Reads entities from the engine.
    async fn by_ids(engine: &dyn Store, ids: &[Self::Id]) -> Result<Vec<Option<Self>>>;
    /// Reads pages from the engine.
    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>>;
    /// Counts with the engine.
    async fn counts(engine: &dyn Store, filters: &[Self::Filter]) -> Result<Vec<u64>>;
}

/// An entity with a unique value.
#[async_trait]
pub(super) trait Named: Cached {
    /// Whether it keeps the value for ever.
    const KEEPS_NAME: bool;

    fn ulid(&self) -> Ulid;
    fn has_name(&self, name: &str) -> bool;
    fn name_key(name: String) -> Key;
    /// Reads entities by this value from the engine.
    async fn by_names(engine: &dyn Store, names: &[String]) -> Result<Vec<Option<Self>>>;
}
