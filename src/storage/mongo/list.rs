//! List queries: one page each, and all pages of a call in one round trip.

use std::ops::Not;

use bson::{RawDocument, RawDocumentBuf};
use mongodb::{Collection, options::Hint};

use super::{
    read,
    scan::{Listing, Scan, SortBy},
    store::Inner,
    union::{query_of, union},
};
use crate::{
    domain::{Edge, Page},
    storage::{Result, StoreError},
};

impl Inner {
    /// One page for each listing. `decode` gets the number of the listing that a row belongs to.
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
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = scan.limit.saturating_add(1);
        if matches!(scan.listing.key, SortBy::Score(_)) {
            let aggregate = collection.aggregate(scan.pipeline()).hint(hint).batch_size(batch);
            let aggregate = aggregate.max_time(read::time_left());
            return self.aggregate_rows(aggregate, decode).await;
        }
        let find = collection
            .find(scan.condition())
            .sort(scan.sort())
            .limit(i64::from(scan.limit))
            .projection(scan.listing.projection.clone())
            .hint(hint)
            .batch_size(batch)
            .max_time(read::time_left());
        self.find_rows(find, decode).await
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
        self.aggregate_rows(aggregate.max_time(read::time_left()), |row| {
            let query = query_of(row)?;
            let rows = walked
                .get_mut(query)
                .ok_or_else(|| StoreError::internal("a combined query returned a row that belongs to no list"))?;
            rows.push(decode(query, row)?);
            Ok(())
        })
        .await?;
        Ok(walked)
    }

    /// Makes a page from the rows of [`Listing::page_scan`].
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
}
