//! The same list of many parents, such as the tasks of each of twenty orders, by one walk of an index.
//!
//! A union of one pipeline for each parent is always right, but costs the server a plan for each of them. Most often
//! the parents have few rows between them: then one `find` for all parents, in the order of the index, brings every
//! row there is. It is cut off where it would read more than the union could; then the union is asked after all.

use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

use super::query::{Index, Key, Listing};

/// Lists that differ only in the parent that a row has to have, from their beginning or end and without a cursor.
pub(super) struct Siblings<'l> {
    /// The field that names the parent.
    pub(super) field: &'static str,
    parents: Vec<&'l [u8]>,
    listings: &'l [Listing<'l>],
}

impl<'l> Siblings<'l> {
    /// The siblings, if the listings are such.
    pub(super) fn of(listings: &'l [Listing<'l>]) -> Option<Self> {
        let first = listings.first()?;
        let Index::Sorted(field) = first.filter.index else { return None };
        let mut parents = Vec::with_capacity(listings.len());
        for listing in listings {
            if !is_whole(listing) || !is_like(listing, first, field) {
                return None;
            }
            let Some(Bson::Binary(parent)) = listing.filter.condition.get(field) else { return None };
            parents.push(parent.bytes.as_slice());
        }
        Some(Self { field, parents, listings })
    }

    /// The condition that a row is of any of the parents.
    pub(super) fn condition(&self) -> Document {
        let mut condition = self.listings[0].filter.condition.clone();
        let parents: Vec<&Bson> =
            self.listings.iter().filter_map(|listing| listing.filter.condition.get(self.field)).collect();
        condition.insert(self.field, doc! { "$in": parents });
        condition
    }

    /// As many rows as all the pages can have, and one more, which tells that there may be others.
    pub(super) fn limit(&self) -> u32 {
        self.listings.iter().fold(1, |sum, listing| sum.saturating_add(listing.walk().limit))
    }

    /// Which listing a row belongs to; `None` when its parent is not one that was asked for.
    pub(super) fn listing_of(&self, row: &RawDocument) -> Option<usize> {
        match row.get(self.field) {
            Ok(Some(RawBsonRef::Binary(parent))) => self.parents.iter().position(|wanted| *wanted == parent.bytes),
            _ => None,
        }
    }
}

/// Whether the listing has no cursor: then the rows of its page are the first ones of its parent.
fn is_whole(listing: &Listing<'_>) -> bool {
    listing.slice.after.is_none()
        && listing.slice.before.is_none()
        && listing.filter.any_of.is_none()
        && !matches!(listing.key, Key::Score(_))
}

/// Whether two listings differ in nothing but the value of `field`.
fn is_like(listing: &Listing<'_>, first: &Listing<'_>, field: &str) -> bool {
    let same_rest = || {
        let (one, other) = (&listing.filter.condition, &first.filter.condition);
        one.len() == other.len() && one.iter().all(|(name, value)| name == field || other.get(name) == Some(value))
    };
    matches!(listing.filter.index, Index::Sorted(leading) if leading == field)
        && listing.key.name() == first.key.name()
        && listing.direction == first.direction
        && listing.slice.take == first.slice.take
        && listing.projection == first.projection
        && same_rest()
}
