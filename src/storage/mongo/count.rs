//! Counts of filtered rows. Each names its index, as lists do.

use bson::{RawDocumentBuf, doc};
use futures_util::FutureExt;
use mongodb::{Collection, options::Hint};

use super::{codec::read_fields, filter::Filter, list::side_by_side, store::Inner};
use crate::storage::{Result, StoreError};

impl Inner {
    /// How many rows each filter lets through. With each filter comes the field whose order its index has.
    pub(super) async fn count(
        &self,
        collection: &Collection<RawDocumentBuf>,
        filters: Vec<(Filter, &'static str)>,
    ) -> Result<Vec<u64>> {
        let mut counts = Vec::with_capacity(filters.len());
        for (filter, sort) in filters {
            counts.push(self.count_one(collection, filter, sort).boxed());
        }
        side_by_side(counts).await
    }

    async fn count_one(
        &self,
        collection: &Collection<RawDocumentBuf>,
        filter: Filter,
        sort: &'static str,
    ) -> Result<u64> {
        let hint = Hint::Name(filter.index.name(sort));
        let pipeline = [doc! { "$match": filter.into_condition() }, doc! { "$count": "count" }];
        let aggregate = collection.aggregate(pipeline).hint(hint);
        let counts = self.aggregate_rows(aggregate, |row| {
            read_fields!(row, count: "count");
            u64::try_from(count.required::<i64>()?).map_err(StoreError::internal)
        });
        // Nothing is counted if no row passes.
        Ok(counts.await?.pop().unwrap_or_default())
    }
}
