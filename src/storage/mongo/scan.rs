//! Scans: the query for one page of a list, walked along an index in list order.
//!
//! A cursor becomes "sorted after this key, or the same key and a larger id". The server turns that into two exact
//! ranges of the index and merges them, so it skips no rows one by one, however many share a key. The range includes
//! the cursor's own row: finding that row proves that the list goes on behind the cursor. Only when the row is gone
//! does the page need a second query.

use bson::{Bson, Document, doc};

use super::{codec, filter::Filter};
use crate::domain::{Direction, ListQuery, Position, Slice, SortKey, Take};

/// Field of the computed relevance of a row.
pub(super) const SCORE: &str = "_score";

/// What a list is sorted by.
pub(super) enum SortBy {
    /// A field of numbers or text.
    Field(&'static str),
    /// A field of dates.
    Date(&'static str),
    /// The value of this expression.
    Score(Document),
}

/// One list query in MongoDB's terms.
pub(super) struct Listing<'q> {
    pub(super) filter: Filter,
    pub(super) key: SortBy,
    pub(super) direction: Direction,
    pub(super) slice: &'q Slice,
    pub(super) projection: Document,
}

/// A scan of an index in one direction.
pub(super) struct Scan<'l, 'q> {
    pub(super) listing: &'l Listing<'q>,
    /// The condition on the position; with the filter's condition it matches exactly the rows of the scan.
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
    pub(super) fn is_backward(&self) -> bool {
        matches!(self.slice.take, Take::Last(_))
    }

    pub(super) fn count(&self) -> u32 {
        match self.slice.take {
            Take::First(count) | Take::Last(count) => count,
        }
    }

    /// Cursors at which the scan starts and ends, in its own direction.
    pub(super) fn ends(&self) -> (Option<&Position>, Option<&Position>) {
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
        self.filter.index.name(self.field())
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

    /// The scan of the page, with its cursor's row and one row more.
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

    /// The scan of the first row at a position or beyond it.
    pub(super) fn probe(&self, position: &Position, ascending: bool) -> Scan<'_, 'q> {
        let range = self.filter.in_range(self.beyond(position, ascending, true));
        Scan { listing: self, range, ascending, limit: 1 }
    }
}

impl Scan<'_, '_> {
    pub(super) fn sort(&self) -> Document {
        let step = if self.ascending { 1 } else { -1 };
        doc! { self.listing.field(): step, "_id": step }
    }

    pub(super) fn condition(&self) -> Document {
        let mut condition = self.listing.filter.condition.clone();
        condition.extend(self.range.clone());
        condition
    }

    pub(super) fn pipeline(&self) -> Vec<Document> {
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

    /// The command as `explain` takes it; as `list` sends it.
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
