//! List queries: one page each. Each query names its index, so that the server never walks rows of others.

use std::ops::Not;

use bson::{RawDocument, RawDocumentBuf};
use futures_util::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use mongodb::{Collection, options::Hint};

use super::{
    scan::{Listing, Scan, SortBy},
    store::Inner,
};
use crate::{
    domain::{Edge, Page},
    storage::Result,
};

/// How many queries of one call run side by side.
const SIDE_BY_SIDE: usize = 4;

/// Runs the queries of one call, a few at a time, and answers in their order.
pub(super) async fn side_by_side<T>(queries: Vec<BoxFuture<'_, Result<T>>>) -> Result<Vec<T>> {
    stream::iter(queries).buffered(SIDE_BY_SIDE).try_collect().await
}

impl Inner {
    /// One page for each listing. `decode` gets the number of the listing that a row belongs to.
    pub(super) async fn list<T: Send>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listings: &[Listing<'_>],
        decode: impl Fn(usize, &RawDocument) -> Result<Edge<T>> + Sync,
    ) -> Result<Vec<Page<T>>> {
        let walked = match listings {
            [] => return Ok(Vec::new()),
            [listing] => vec![self.scan_one(collection, &listing.page_scan(), |row| decode(0, row)).await?],
            _ => match self.scan_merged(collection, listings, &decode).await? {
                Some(walked) => walked,
                None => self.scan_each(collection, listings, &decode).await?,
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
            return self.aggregate_rows(aggregate, decode).await;
        }
        let find = collection
            .find(scan.condition())
            .sort(scan.sort())
            .limit(i64::from(scan.limit))
            .projection(scan.listing.projection.clone())
            .hint(hint)
            .batch_size(batch);
        self.find_rows(find, decode).await
    }

    async fn scan_each<T: Send>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listings: &[Listing<'_>],
        decode: &(impl Fn(usize, &RawDocument) -> Result<T> + Sync),
    ) -> Result<Vec<Vec<T>>> {
        let mut scans = Vec::with_capacity(listings.len());
        for (query, listing) in listings.iter().enumerate() {
            let scan = async move { self.scan_one(collection, &listing.page_scan(), |row| decode(query, row)).await };
            scans.push(scan.boxed());
        }
        side_by_side(scans).await
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
