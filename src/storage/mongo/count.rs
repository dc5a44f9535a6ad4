//! Counts of filtered rows, all of a call in one round trip.

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::Collection;

use super::{
    codec,
    filter::Filter,
    read,
    store::Inner,
    union::{query_of, union},
};
use crate::storage::{Result, StoreError};

impl Inner {
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
        let aggregate = collection.aggregate(union(collection.name(), pipelines)).max_time(read::time_left());
        self.aggregate_rows(aggregate, |row| {
            codec::read_fields!(row, count: "count");
            let count = count.required::<i64>()?;
            let answer = counts
                .get_mut(query_of(row)?)
                .ok_or_else(|| StoreError::internal("a combined count returned a row that belongs to no filter"))?;
            *answer = u64::try_from(count).map_err(StoreError::internal)?;
            Ok(())
        })
        .await?;
        Ok(counts)
    }
}

/// An empty condition would make the server read every row, so it becomes one that all rows pass and an index serves.
fn countable(condition: Document) -> Document {
    if condition.is_empty() {
        doc! { "_id": { "$gte": Bson::MinKey } }
    } else {
        condition
    }
}
