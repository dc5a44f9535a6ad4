//! List queries: one page each, walked from an index in list order, and all the pages of a call in one round trip.
//!
//! A cursor becomes "sorted after this key, or the same key and a larger id", which the server turns into two exact
//! ranges of the index that it merges: however many rows share a key, none is skipped one by one. The range includes
//! the cursor's own row, so that finding it there tells that the list goes on behind it; only when that row is gone is
//! a further look needed.

use std::ops::Not;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::{Collection, options::Hint};

use super::{Inner, codec, read};
use crate::{
    domain::{Direction, Edge, ListQuery, Page, Position, Slice, SortKey, Take},
    storage::{Result, StoreError},
};

/// Which of the queries a row of a combined reply belongs to.
const QUERY: &str = "_query";
/// The computed relevance of a row.
pub(super) const SCORE: &str = "_score";

/// What an entity makes of its filter.
#[derive(Clone)]
pub(super) struct Filter {
    /// The condition, all but the next one.
    pub(super) condition: Document,
    /// The field that has to have one of several values, if it leads the index.
    pub(super) any_of: Option<(&'static str, Vec<Bson>)>,
    /// The index that serves it best.
    pub(super) index: Index,
    /// The id field at the head of that index, if lists of several of its values are mostly short.
    pub(super) merge_on: Option<&'static str>,
}

impl Filter {
    /// `any_of` is a field with the values that it may have; it is merged in order if it leads the index.
    pub(super) fn new(mut condition: Document, any_of: Option<(&'static str, Vec<Bson>)>, index: Index) -> Self {
        let any_of = any_of.and_then(|(field, values)| match index {
            Index::Sorted(leading) if leading == field && values.len() > 1 => Some((field, values)),
            _ => {
                condition.insert(field, one_of(values));
                None
            }
        });
        Self { condition, any_of, index, merge_on: None }
    }

    /// The whole condition.
    pub(super) fn into_condition(self) -> Document {
        let mut condition = self.condition;
        if let Some((field, values)) = self.any_of {
            condition.insert(field, one_of(values));
        }
        condition
    }

    /// The condition and a range of the list, given as alternatives. Each value of `any_of` gets alternatives of its
    /// own: the server merges ranges of an index in order, but not ranges of which each is a list of values.
    fn in_range(&self, alternatives: Vec<Document>) -> Document {
        let Some((field, values)) = &self.any_of else {
            return if alternatives == [doc! {}] {
                doc! {}
            } else {
                doc! { "$or": alternatives }
            };
        };
        let each = |value: &Bson| {
            let value = value.clone();
            alternatives.iter().map(move |alternative| {
                let mut one = doc! { *field: value.clone() };
                one.extend(alternative.clone());
                one
            })
        };
        doc! { "$or": values.iter().flat_map(each).collect::<Vec<_>>() }
    }
}

/// The condition that a field has one of these values.
pub(super) fn one_of(mut values: Vec<Bson>) -> Bson {
    match values.len() {
        1 => values.remove(0),
        _ => doc! { "$in": values }.into(),
    }
}

/// How rows are found.
#[derive(Clone, Copy)]
pub(super) enum Index {
    /// By the index of this equality filter (empty for none) and the sort field: no sorting.
    Sorted(&'static str),
    /// By the index of this name, then sorted.
    Named(&'static str),
}

/// What a list is sorted by.
pub(super) enum SortBy {
    /// A field of numbers or text.
    Field(&'static str),
    /// A field of dates.
    Date(&'static str),
    /// The value of this expression.
    Score(Document),
}

/// One list query in the database's terms.
pub(super) struct Listing<'q> {
    pub(super) filter: Filter,
    pub(super) key: SortBy,
    pub(super) direction: Direction,
    pub(super) slice: &'q Slice,
    pub(super) projection: Document,
}

/// A walk over rows in one direction.
pub(super) struct Scan<'l, 'q> {
    listing: &'l Listing<'q>,
    /// The part of the list; with the filter's condition it lets exactly the rows of the walk through.
    range: Document,
    ascending: bool,
    pub(super) limit: u32,
}

impl<'q> Listing<'q> {
    pub(super) fn new<F, S, P>(
        query: &'q ListQuery<F, S, P>,
        filter: Filter,
        key: SortBy,
        projection: Document,
    ) -> Self {
        Self { filter, key, direction: query.sort.direction, slice: &query.slice, projection }
    }

    /// Whether rows are taken from the list's end.
    fn is_backward(&self) -> bool {
        matches!(self.slice.take, Take::Last(_))
    }

    fn count(&self) -> u32 {
        match self.slice.take {
            Take::First(count) | Take::Last(count) => count,
        }
    }

    /// Where the walk begins and where it ends, in its own direction.
    fn ends(&self) -> (Option<&Position>, Option<&Position>) {
        let (after, before) = (self.slice.after.as_ref(), self.slice.before.as_ref());
        if self.is_backward() { (before, after) } else { (after, before) }
    }

    pub(super) fn is_ascending(&self) -> bool {
        (self.direction == Direction::Asc) != self.is_backward()
    }

    pub(super) fn field(&self) -> &'static str {
        match self.key {
            SortBy::Field(field) | SortBy::Date(field) => field,
            SortBy::Score(_) => SCORE,
        }
    }

    pub(super) fn index(&self) -> String {
        match self.filter.index {
            Index::Sorted(filter) => super::indexes::name(filter, self.field()),
            Index::Named(name) => name.to_owned(),
        }
    }

    /// The rows on one side of a position, as alternatives.
    fn beyond(&self, position: &Position, ascending: bool, inclusive: bool) -> Vec<Document> {
        let key: Bson = match (&position.key, &self.key) {
            (SortKey::Int(millis), SortBy::Date(_)) => bson::DateTime::from_millis(*millis).into(),
            (SortKey::Int(number), _) => (*number).into(),
            (SortKey::Text(text), _) => text.as_str().into(),
            (SortKey::Score(bits), _) => f64::from_bits(*bits).into(),
        };
        let id = codec::binary(&position.id.to_bytes());
        let past = if ascending { "$gt" } else { "$lt" };
        let id_past = match (ascending, inclusive) {
            (true, true) => "$gte",
            (true, false) => "$gt",
            (false, true) => "$lte",
            (false, false) => "$lt",
        };
        let field = self.field();
        vec![doc! { field: { past: key.clone() } }, doc! { field: key, "_id": { id_past: id } }]
    }

    /// The walk over the page, its cursor's row, and one row more.
    pub(super) fn page_scan(&self) -> Scan<'_, 'q> {
        let ascending = self.is_ascending();
        let (start, end) = self.ends();
        let from = start.map(|start| self.beyond(start, ascending, true));
        let to = end.map(|end| self.beyond(end, !ascending, false));
        let range = match (from, to) {
            (Some(from), Some(to)) => doc! { "$and": [self.filter.in_range(from), { "$or": to }] },
            (from, to) => {
                from.or(to).map_or_else(|| self.filter.in_range(vec![doc! {}]), |range| self.filter.in_range(range))
            }
        };
        let limit = self.count().saturating_add(1).saturating_add(start.is_some().into());
        Scan { listing: self, range, ascending, limit }
    }

    /// The walk to the first row at a position or beyond it.
    fn probe(&self, position: &Position, ascending: bool) -> Scan<'_, 'q> {
        let range = self.filter.in_range(self.beyond(position, ascending, true));
        Scan { listing: self, range, ascending, limit: 1 }
    }
}

impl Scan<'_, '_> {
    fn sort(&self) -> Document {
        let step = if self.ascending { 1 } else { -1 };
        doc! { self.listing.field(): step, "_id": step }
    }

    fn condition(&self) -> Document {
        let mut condition = self.listing.filter.condition.clone();
        condition.extend(self.range.clone());
        condition
    }

    fn pipeline(&self) -> Vec<Document> {
        let mut stages = match &self.listing.key {
            SortBy::Score(score) => vec![
                doc! { "$match": self.listing.filter.condition.clone() },
                doc! { "$set": { SCORE: score.clone() } },
                doc! { "$match": self.range.clone() },
            ],
            _ => vec![doc! { "$match": self.condition() }],
        };
        stages.push(doc! { "$sort": self.sort() });
        stages.push(doc! { "$limit": i64::from(self.limit) });
        if !self.listing.projection.is_empty() {
            stages.push(doc! { "$project": self.listing.projection.clone() });
        }
        stages
    }

    /// The command as `explain` takes it; what [`Inner::scan_one`] sends.
    #[cfg(test)]
    pub(super) fn command(&self, collection: &str) -> Document {
        if matches!(self.listing.key, SortBy::Score(_)) {
            return doc! {
                "aggregate": collection, "pipeline": self.pipeline(), "hint": self.listing.index(), "cursor": {},
            };
        }
        doc! {
            "find": collection, "filter": self.condition(), "sort": self.sort(), "limit": i64::from(self.limit),
            "projection": self.listing.projection.clone(), "hint": self.listing.index(),
        }
    }
}

impl Inner {
    /// One page for each listing. `decode` is told which listing a row belongs to.
    pub(super) async fn list<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listings: &[Listing<'_>],
        decode: impl Fn(usize, &RawDocument) -> Result<Edge<T>>,
    ) -> Result<Vec<Page<T>>> {
        let walked = match listings {
            [] => return Ok(Vec::new()),
            [listing] => vec![self.scan_one(collection, &listing.page_scan(), |row| decode(0, row)).await?],
            _ => match self.scan_merged(collection, listings, &decode).await? {
                Some(walked) => walked,
                None => self.scan_union(collection, listings, &decode).await?,
            },
        };
        let mut pages = Vec::with_capacity(listings.len());
        for (listing, rows) in listings.iter().zip(walked) {
            pages.push(self.page(collection, listing, rows).await?);
        }
        Ok(pages)
    }

    async fn scan_one<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        scan: &Scan<'_, '_>,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let hint = Hint::Name(scan.listing.index());
        // One more than can come, so that one reply holds all and closes the cursor.
        let batch = scan.limit.saturating_add(1);
        if matches!(scan.listing.key, SortBy::Score(_)) {
            let aggregate = collection.aggregate(scan.pipeline()).hint(hint).batch_size(batch);
            return read::collect_rows(self.with_timeout(aggregate.batch()).await?, decode).await;
        }
        let find = collection
            .find(scan.condition())
            .sort(scan.sort())
            .limit(i64::from(scan.limit))
            .projection(scan.listing.projection.clone())
            .hint(hint)
            .batch_size(batch);
        read::collect_rows(self.with_timeout(find.batch()).await?, decode).await
    }

    async fn scan_union<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listings: &[Listing<'_>],
        decode: impl Fn(usize, &RawDocument) -> Result<T>,
    ) -> Result<Vec<Vec<T>>> {
        let pipelines = listings.iter().map(|listing| listing.page_scan().pipeline());
        let batch = listings.iter().fold(1, |sum: u32, listing| sum.saturating_add(listing.page_scan().limit));
        let mut walked: Vec<Vec<T>> = listings.iter().map(|_| Vec::new()).collect();
        let aggregate = collection.aggregate(union(collection.name(), pipelines)).batch_size(batch);
        let rows = self.with_timeout(aggregate.batch()).await?;
        read::collect_rows(rows, |row| {
            let query = query_of(row)?;
            let rows = walked.get_mut(query).ok_or_else(|| StoreError::internal("a row of no query"))?;
            rows.push(decode(query, row)?);
            Ok(())
        })
        .await?;
        Ok(walked)
    }

    /// Makes a page of the rows of [`Listing::walk`].
    async fn page<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listing: &Listing<'_>,
        mut edges: Vec<Edge<T>>,
    ) -> Result<Page<T>> {
        let (start, end) = listing.ends();
        let ascending = listing.is_ascending();
        let count = listing.count() as usize;
        let is_behind_start = match start {
            None => false,
            Some(start) if edges.first().is_some_and(|edge| edge.position == *start) => {
                edges.remove(0);
                true
            }
            Some(start) => self.exists(collection, &listing.probe(start, !ascending)).await?,
        };
        let is_past_end = match end {
            _ if edges.len() > count => true,
            None => false,
            Some(end) => self.exists(collection, &listing.probe(end, ascending)).await?,
        };
        edges.truncate(count);
        if listing.is_backward() {
            edges.reverse();
            return Ok(Page { edges, has_previous: is_past_end, has_next: is_behind_start });
        }
        Ok(Page { edges, has_previous: is_behind_start, has_next: is_past_end })
    }

    async fn exists(&self, collection: &Collection<RawDocumentBuf>, scan: &Scan<'_, '_>) -> Result<bool> {
        Ok(self.scan_one(collection, scan, |_| Ok(())).await?.is_empty().not())
    }

    /// How many rows each filter lets through.
    pub(super) async fn count(
        &self,
        collection: &Collection<RawDocumentBuf>,
        filters: Vec<Filter>,
    ) -> Result<Vec<u64>> {
        if filters.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts = vec![0; filters.len()];
        let pipelines = filters
            .into_iter()
            .map(|filter| vec![doc! { "$match": countable(filter.into_condition()) }, doc! { "$count": "count" }]);
        let rows = self.with_timeout(collection.aggregate(union(collection.name(), pipelines)).batch()).await?;
        read::collect_rows(rows, |row| {
            codec::read_fields!(row, count: "count");
            let count = count.required::<i64>()?;
            if let Some(answer) = counts.get_mut(query_of(row)?) {
                *answer = count.unsigned_abs();
            }
            Ok(())
        })
        .await?;
        Ok(counts)
    }
}

/// Without a condition the server would read every row to count it; this one lets all through and is an index's.
fn countable(condition: Document) -> Document {
    if condition.is_empty() {
        doc! { "_id": { "$gte": Bson::MinKey } }
    } else {
        condition
    }
}

/// The rows of all pipelines, each tagged with the number of its pipeline.
fn union(collection: &str, pipelines: impl Iterator<Item = Vec<Document>>) -> Vec<Document> {
    let mut union = Vec::new();
    for (number, mut pipeline) in pipelines.enumerate() {
        pipeline.push(doc! { "$set": { QUERY: { "$literal": number as i64 } } });
        if number == 0 {
            union = pipeline;
        } else {
            union.push(doc! { "$unionWith": { "coll": collection, "pipeline": pipeline } });
        }
    }
    union
}

fn query_of(row: &RawDocument) -> Result<usize> {
    codec::read_fields!(row, query: "_query");
    usize::try_from(query.required::<i64>()?).map_err(StoreError::internal)
}
