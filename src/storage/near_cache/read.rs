//! Reads through the cache: what is in memory from there, the rest from the engine, once for all who miss it.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    marker::PhantomData,
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::{
    bypass::is_uncached,
    cache::NearCache,
    cached::{Cached, Named, Query, edge, page_with_fields, whole},
    flights::Role,
    key::{CachedPage, Key},
};
use crate::{
    domain::Page,
    storage::{Result, StoreError},
    telemetry::metrics::{CacheName, metrics},
};

/// How long to wait for a read of another caller. It may be that caller's turn later than this one's.
const AWAIT_OTHERS: Duration = Duration::from_millis(100);

/// Something that is read through the cache.
#[async_trait]
pub(super) trait Source {
    /// What is asked for.
    type Ask: Clone + Eq + Hash + Send + Sync;
    /// What is answered.
    type Answer: Clone + Send;
    /// Names it in metrics.
    const NAME: CacheName;

    fn key(ask: &Self::Ask) -> Key;
    /// The answers that are in memory and good.
    fn find(cache: &NearCache, asks: &[Self::Ask]) -> Vec<Option<Self::Answer>>;
    /// Reads the answers, as many as there are asks, from the engine and keeps them.
    async fn load(cache: &NearCache, asks: &[Self::Ask]) -> Result<Vec<Self::Answer>>;
}

/// Entities by their ids.
pub(super) struct ById<T>(PhantomData<T>);

#[async_trait]
impl<T: Cached> Source for ById<T> {
    type Ask = T::Id;
    type Answer = Option<T>;
    const NAME: CacheName = T::NAME;

    fn key(id: &T::Id) -> Key {
        T::key(*id)
    }

    fn find(cache: &NearCache, ids: &[T::Id]) -> Vec<Option<Option<T>>> {
        let Some(view) = cache.view() else { return ids.iter().map(|_| None).collect() };
        ids.iter().map(|id| view.entity::<T>(*id).map(|entity| Some((*entity).clone()))).collect()
    }

    async fn load(cache: &NearCache, ids: &[T::Id]) -> Result<Vec<Option<T>>> {
        let began = cache.read_begins();
        let found = T::by_ids(cache.inner(), ids).await?;
        if cache.catch_up().await {
            cache.store_all(began, found.iter().flatten());
        }
        Ok(found)
    }
}

/// Pages of lists.
pub(super) struct Pages<T>(PhantomData<T>);

#[async_trait]
impl<T: Cached> Source for Pages<T> {
    type Ask = Query<T>;
    type Answer = Page<T>;
    const NAME: CacheName = CacheName::Pages;

    fn key(query: &Query<T>) -> Key {
        T::page_key(whole::<T>(query))
    }

    fn find(cache: &NearCache, queries: &[Query<T>]) -> Vec<Option<Page<T>>> {
        let Some(view) = cache.view() else { return queries.iter().map(|_| None).collect() };
        let find = |query: &Query<T>| {
            let page = view.page(&Self::key(query), &T::page_depends_on(query))?;
            let row = |position| Some(edge(position, &*view.entity::<T>(position.id.into())?, query.fields));
            let edges = page.rows.iter().map(row).collect::<Option<Vec<_>>>()?;
            Some(Page { edges, has_previous: page.has_previous, has_next: page.has_next })
        };
        queries.iter().map(find).collect()
    }

    async fn load(cache: &NearCache, queries: &[Query<T>]) -> Result<Vec<Page<T>>> {
        let whole: Vec<Query<T>> = queries.iter().map(whole::<T>).collect();
        let began = cache.read_begins();
        let pages = T::pages(cache.inner(), &whole).await?;
        if cache.catch_up().await {
            for (query, page) in whole.into_iter().zip(&pages) {
                let depends_on = T::page_depends_on(&query);
                let cached = CachedPage {
                    read_at: began,
                    rows: page.edges.iter().map(|edge| edge.position.clone()).collect(),
                    has_previous: page.has_previous,
                    has_next: page.has_next,
                };
                cache.store_page(T::page_key(query), cached, &depends_on);
                cache.store_all(began, page.edges.iter().map(|edge| &edge.node));
            }
        }
        Ok(pages.into_iter().zip(queries).map(|(page, query)| page_with_fields(page, query.fields)).collect())
    }
}

impl NearCache {
    /// Entities by their ids, in that order.
    pub(super) async fn by_ids<T: Cached>(&self, ids: &[T::Id]) -> Result<Vec<Option<T>>> {
        self.read::<ById<T>>(ids).await
    }

    /// A page for each query.
    pub(super) async fn pages<T: Cached>(&self, queries: &[Query<T>]) -> Result<Vec<Page<T>>> {
        self.read::<Pages<T>>(queries).await
    }

    /// Entities by unique values that they never change, in that order.
    pub(super) async fn by_names<T: Named>(&self, names: &[String]) -> Result<Vec<Option<T>>> {
        let owner = |name: &String| self.owner(&T::name_key(name.clone())).filter(|_| !is_uncached()).map(T::Id::from);
        let owners: Vec<Option<T::Id>> = names.iter().map(owner).collect();
        let known: Vec<T::Id> = owners.iter().flatten().copied().collect();
        let unknown: Vec<String> = unanswered(names, &owners).cloned().collect();
        let mut found = if known.is_empty() { Vec::new() } else { self.by_ids(&known).await? }.into_iter();
        let mut loaded = if unknown.is_empty() { Vec::new() } else { self.load_by_names(&unknown).await? }.into_iter();
        let of_owner = |owner: Option<T::Id>| if owner.is_some() { found.next() } else { loaded.next() }.flatten();
        Ok(owners.into_iter().map(of_owner).collect())
    }

    async fn load_by_names<T: Named>(&self, names: &[String]) -> Result<Vec<Option<T>>> {
        let began = self.read_begins();
        let found = T::by_names(self.inner(), names).await?;
        if self.catch_up().await {
            self.store_all(began, found.iter().flatten());
            for (name, entity) in names.iter().zip(&found) {
                if let Some(entity) = entity {
                    self.store_owner(T::name_key(name.clone()), entity.ulid());
                }
            }
        }
        Ok(found)
    }

    async fn read<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        if is_uncached() {
            return S::load(self, asks).await;
        }
        let mut answers = S::find(self, asks);
        let missing: HashSet<&S::Ask> = unanswered(asks, &answers).collect();
        metrics().cache_lookups.get(S::NAME).inc_by(asks.len() as u64);
        metrics().cache_misses.get(S::NAME).inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let missing = missing.into_iter().cloned().collect();
            let loaded = self.load_once::<S>(missing).await?;
            for (ask, answer) in asks.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
                *answer = loaded.get(ask).cloned();
            }
        }
        let answers = answers.into_iter().collect::<Option<_>>();
        answers.ok_or_else(|| StoreError::internal("a read through the cache left something unanswered"))
    }

    /// Reads what no other task is reading, and then what others were reading if they have not kept it.
    async fn load_once<S: Source>(&self, asks: Vec<S::Ask>) -> Result<HashMap<S::Ask, S::Answer>> {
        let (mut led, mut flights, mut awaited, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ask in asks {
            match self.flights().join(S::key(&ask)) {
                Role::Leads(flight) => {
                    led.push(ask);
                    flights.push(flight);
                }
                Role::Awaits(end) => {
                    awaited.push(ask);
                    ends.push(end);
                }
            }
        }
        let mut loaded = HashMap::new();
        if !led.is_empty() {
            let answers = S::load(self, &led).await?;
            loaded.extend(led.into_iter().zip(answers));
            drop(flights);
        }
        if awaited.is_empty() {
            return Ok(loaded);
        }
        let patience = Instant::now() + AWAIT_OTHERS;
        for mut end in ends {
            // Closes when the other read is done; nothing is ever sent.
            let _ = timeout_at(patience, end.changed()).await;
        }
        let found = S::find(self, &awaited);
        let late: Vec<S::Ask> = unanswered(&awaited, &found).cloned().collect();
        if !late.is_empty() {
            let answers = S::load(self, &late).await?;
            loaded.extend(late.into_iter().zip(answers));
        }
        loaded.extend(awaited.into_iter().zip(found).filter_map(|(ask, answer)| Some((ask, answer?))));
        Ok(loaded)
    }
}

/// What was asked for and not answered.
fn unanswered<'a, A, B>(asks: &'a [A], answers: &'a [Option<B>]) -> impl Iterator<Item = &'a A> {
    asks.iter().zip(answers).filter(|(_, answer)| answer.is_none()).map(|(ask, _)| ask)
}
