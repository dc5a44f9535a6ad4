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
use crate::storage::Result;

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
