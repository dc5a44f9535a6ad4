//! Lists that differ in one value only, such as the tasks of each of twenty orders: one scan for all their rows.
//!
//! A pipeline for each list costs the server as much as a query for each. Such lists are mostly short, so one query that
//! reads as many rows as all pages together can need mostly reads every list to its end. If it does not, the lists are
//! read one by one.

use std::collections::HashMap;

use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use mongodb::{Collection, options::Hint};

use super::{scan::Listing, store::Inner};
use crate::{
    domain::Edge,
    storage::{Result, StoreError},
};

/// The most rows that a merged scan reads.
const MAX_ROWS: u32 = 2000;

impl Inner {
    /// The rows of each list's page and one more; `None` if the lists can't be merged or are too long.
    pub(super) async fn scan_merged<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        listings: &[Listing<'_>],
        decode: impl Fn(usize, &RawDocument) -> Result<Edge<T>>,
    ) -> Result<Option<Vec<Vec<Edge<T>>>>> {
        let Some((field, values)) = common_merge_field(listings) else { return Ok(None) };
        let [first, ..] = listings else { return Ok(None) };
        let limits: Vec<u32> = listings.iter().map(|listing| listing.page_scan().limit).collect();
        let most = limits.iter().fold(0_u32, |sum, limit| sum.saturating_add(*limit));
        if most > MAX_ROWS {
            return Ok(None);
        }
        let mut condition = first.filter.condition.clone();
        condition.insert(field, doc! { "$in": values.iter().copied().cloned().collect::<Vec<_>>() });
        let find = collection
            .find(condition)
            .sort(doc! { field: 1, first.field(): 1, "_id": 1 })
            .limit(i64::from(most))
            .projection(first.projection.clone())
            .hint(Hint::Name(first.index()))
            .batch_size(most.saturating_add(1));

        let places: HashMap<&[u8], usize> =
            values.iter().enumerate().filter_map(|(place, value)| Some((bytes(value)?, place))).collect();
        let mut walked: Vec<Vec<Edge<T>>> = listings.iter().map(|_| Vec::new()).collect();
        let mut read = 0;
        self.find_rows(find, |row| {
            read += 1;
            let value = row.get(field).map_err(StoreError::internal)?.and_then(|value| value.as_binary());
            let place = value.and_then(|value| places.get(value.bytes).copied());
            let list = place.and_then(|place| Some((place, walked.get_mut(place)?)));
            let (place, rows) =
                list.ok_or_else(|| StoreError::internal("a merged scan returned a row that belongs to no list"))?;
            rows.push(decode(place, row)?);
            Ok(())
        })
        .await?;
        if read >= most {
            return Ok(None);
        }
        for (rows, limit) in walked.iter_mut().zip(limits) {
            if !first.is_ascending() {
                rows.reverse();
            }
            rows.truncate(limit as usize);
        }
        Ok(Some(walked))
    }
}

/// The field that the lists differ in, with its value in each. `None` if they differ in anything else, if two have the
/// same value, or if one starts at a cursor.
fn common_merge_field<'l>(listings: &'l [Listing<'_>]) -> Option<(&'static str, Vec<&'l Bson>)> {
    let [first, others @ ..] = listings else { return None };
    let field = first.filter.merge_on?;
    let rest = |listing: &Listing<'_>| {
        let mut condition = listing.filter.condition.clone();
        condition.remove(field);
        condition
    };
    let common = rest(first);
    let alike = |other: &Listing<'_>| {
        other.filter.merge_on == Some(field)
            && other.field() == first.field()
            && other.is_ascending() == first.is_ascending()
            && other.projection == first.projection
            && rest(other) == common
    };
    let has_no_cursor = |listing: &Listing<'_>| listing.slice.after.is_none() && listing.slice.before.is_none();
    if !others.iter().all(alike) || !listings.iter().all(has_no_cursor) {
        return None;
    }
    let values: Vec<&Bson> = listings.iter().filter_map(|listing| listing.filter.condition.get(field)).collect();
    let distinct: std::collections::HashSet<&[u8]> = values.iter().filter_map(|value| bytes(value)).collect();
    (distinct.len() == listings.len()).then_some((field, values))
}

fn bytes(value: &Bson) -> Option<&[u8]> {
    match value {
        Bson::Binary(binary) => Some(&binary.bytes),
        _ => None,
    }
}
