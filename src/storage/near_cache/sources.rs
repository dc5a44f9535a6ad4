//! What is read through the cache: entities by id and by name, pages of lists, counts.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;

use super::{
    cache::NearCache,
    cached::{Cached, Named, Query},
    change::ChangeList,
    key::{CachedPage, Key},
    read::Source,
    recent_changes::Step,
    view::View,
};
use crate::{
    domain::{Edge, Page, Position},
    storage::{Result, Store},
    telemetry::metrics::CacheName,
};

/// Entities by their ids.
pub(super) struct ById<T>(PhantomData<T>);

/// Entities by unique values.
pub(super) struct ByName<T>(PhantomData<T>);

/// Pages of lists.
pub(super) struct Pages<T>(PhantomData<T>);

/// How many entities pass filters.
pub(super) struct Counts<T>(PhantomData<T>);

#[async_trait]
impl<T: Cached> Source for ById<T> {
    type Ask = T::Id;
    type Answer = Option<T>;
    const NAME: CacheName = T::NAME;

    fn key(id: &T::Id) -> Key {
        T::key(*id, T::WHOLE)
    }

    fn find(view: &View<'_>, id: &T::Id) -> Result<Option<Option<T>>> {
        let entity = view.entity::<T>(*id, T::WHOLE);
        entity.map(|entity| view.copy(&*entity, T::WHOLE).map(Some)).transpose()
    }

    async fn load(cache: &NearCache, ids: &[T::Id]) -> Result<Vec<Option<T>>> {
        cache.load_entities(ids).await
    }

    async fn ask(engine: &dyn Store, ids: &[T::Id]) -> Result<Vec<Option<T>>> {
        T::by_ids(engine, ids).await
    }

    fn shows(id: &T::Id) -> ChangeList {
        [T::change(*id)].into_iter().collect()
    }

    fn is_known(view: &View<'_>, _: &T::Id, found: &Option<T>) -> bool {
        view.knows(found.as_ref())
    }

    fn bytes(found: &Option<T>) -> usize {
        found.as_ref().map_or(0, T::bytes)
    }

    fn keep(cache: &NearCache, began: Step, _: &T::Id, found: &Option<T>) {
        cache.store_all(began, T::WHOLE, found.iter());
    }
}

#[async_trait]
impl<T: Named> Source for ByName<T> {
    type Ask = String;
    type Answer = Option<T>;
    const NAME: CacheName = T::NAME;

    fn key(name: &String) -> Key {
        T::name_key(name.clone())
    }

    fn find(view: &View<'_>, name: &String) -> Result<Option<Option<T>>> {
        match view.owner(&Self::key(name)) {
            // It may have changed its name.
            Some(id) => Ok(ById::<T>::find(view, &id.into())?.filter(|found| found.iter().all(|it| it.has_name(name)))),
            None => Ok(None),
        }
    }

    async fn ask(engine: &dyn Store, names: &[String]) -> Result<Vec<Option<T>>> {
        T::by_names(engine, names).await
    }

    fn shows(_: &String) -> ChangeList {
        T::CHANGES.iter().copied().collect()
    }

    /// That nothing has the name is new if something may have had it.
    fn is_known(view: &View<'_>, _: &String, found: &Option<T>) -> bool {
        (found.is_some() || T::KEEPS_NAME) && view.knows(found.as_ref())
    }

    fn bytes(found: &Option<T>) -> usize {
        found.as_ref().map_or(0, T::bytes)
    }

    fn keep(cache: &NearCache, began: Step, name: &String, found: &Option<T>) {
        if let Some(entity) = found {
            cache.store_owner(T::name_key(name.clone()), entity.ulid());
            cache.store_all(began, T::WHOLE, [entity].into_iter());
        }
    }
}

#[async_trait]
impl<T: Cached> Source for Pages<T> {
    type Ask = Query<T>;
    type Answer = Page<T>;
    const NAME: CacheName = CacheName::Pages;

    fn key(query: &Query<T>) -> Key {
        T::page_key(query.clone())
    }

    fn find(view: &View<'_>, query: &Query<T>) -> Result<Option<Page<T>>> {
        let key = Self::key(query);
        let grown = || T::newest_of(query).and_then(|(customer, count)| view.grown_page(&key, customer, count));
        let Some(page) = view.page(&key, &T::page_depends_on(query)).or_else(grown) else { return Ok(None) };
        let node = |position: &Position| view.entity(position.id.into(), query.fields);
        let Some(nodes) = page.rows.iter().map(node).collect::<Option<Vec<Arc<T>>>>() else { return Ok(None) };
        let edge = |(position, node): (_, &Arc<T>)| {
            Ok(Edge { position: Clone::clone(position), node: view.copy(&**node, query.fields)? })
        };
        let edges = page.rows.iter().zip(&nodes).map(edge).collect::<Result<_>>()?;
        Ok(Some(Page { edges, has_previous: page.has_previous, has_next: page.has_next }))
    }

    async fn ask(engine: &dyn Store, queries: &[Query<T>]) -> Result<Vec<Page<T>>> {
        T::pages(engine, queries).await
    }

    fn shows(_: &Query<T>) -> ChangeList {
        T::CHANGES.iter().copied().collect()
    }

    /// What is missing from a page may be new, too.
    fn is_known(view: &View<'_>, query: &Query<T>, page: &Page<T>) -> bool {
        T::stays_listed(&query.filter) && page.edges.iter().all(|edge| view.knows(Some(&edge.node)))
    }

    fn bytes(page: &Page<T>) -> usize {
        size_of::<Page<T>>() + page.edges.iter().map(|edge| size_of::<Edge<T>>() + edge.node.bytes()).sum::<usize>()
    }

    fn keep(cache: &NearCache, began: Step, query: &Query<T>, page: &Page<T>) {
        let depends_on = T::page_depends_on(query);
        let rows = page.edges.iter().map(|edge| edge.position.clone()).collect();
        let (has_previous, has_next) = (page.has_previous, page.has_next);
        cache.store_page(Self::key(query), CachedPage { read_at: began, rows, has_previous, has_next }, &depends_on);
        cache.store_all(began, query.fields, page.edges.iter().map(|edge| &edge.node));
    }
}

#[async_trait]
impl<T: Cached> Source for Counts<T> {
    type Ask = T::Filter;
    type Answer = u64;
    const NAME: CacheName = CacheName::Counts;

    fn key(filter: &T::Filter) -> Key {
        T::count_key(filter.clone())
    }

    fn find(view: &View<'_>, filter: &T::Filter) -> Result<Option<u64>> {
        Ok(view.count(&Self::key(filter), &T::count_depends_on(filter)))
    }

    async fn ask(engine: &dyn Store, filters: &[T::Filter]) -> Result<Vec<u64>> {
        T::counts(engine, filters).await
    }

    fn shows(_: &T::Filter) -> ChangeList {
        T::CHANGES.iter().copied().collect()
    }

    /// A number does not tell.
    fn is_known(_: &View<'_>, _: &T::Filter, _: &u64) -> bool {
        false
    }

    fn bytes(_: &u64) -> usize {
        size_of::<T::Filter>()
    }

    fn keep(cache: &NearCache, began: Step, filter: &T::Filter, count: &u64) {
        cache.store_count(Self::key(filter), began, *count, &T::count_depends_on(filter));
    }
}
