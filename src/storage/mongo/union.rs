//! Several aggregation pipelines over one collection, sent as one.

use bson::{Document, RawDocument, doc};

use super::codec;
use crate::storage::{Result, StoreError};

/// Field with the number of the pipeline that a row of a combined reply belongs to.
const QUERY: &str = "_query";

/// The rows of all pipelines, each tagged with the number of its pipeline.
pub(super) fn union(collection: &str, pipelines: impl Iterator<Item = Vec<Document>>) -> Vec<Document> {
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

/// The number of the pipeline that the row belongs to.
pub(super) fn query_of(row: &RawDocument) -> Result<usize> {
    codec::read_fields!(row, query: "_query");
    usize::try_from(query.required::<i64>()?).map_err(StoreError::internal)
}
