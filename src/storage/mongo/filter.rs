//! Filters in MongoDB's terms: a condition, and the index that serves it.

use bson::{Bson, Document, doc};

use super::collections::index_name;

/// What an entity makes of its filter.
#[derive(Clone)]
pub(super) struct Filter {
    /// The condition without `any_of`.
    pub(super) condition: Document,
    /// The field that must have one of several values, if it leads the index.
    pub(super) any_of: Option<(&'static str, Vec<Bson>)>,
    /// The index that serves it best.
    pub(super) index: Index,
    /// The id field that leads the index, if lists for its values are short enough to be merged into one scan.
    pub(super) merge_on: Option<&'static str>,
}

impl Filter {
    /// `any_of` is a field with the values that it may have; it is merged in order if it leads the index.
    pub(super) fn new(mut condition: Document, any_of: Option<(&'static str, Vec<Bson>)>, index: Index) -> Self {
        let any_of = any_of.and_then(|(field, values)| match index {
            Index::Sorted(leading) if leads(leading, field) && values.len() > 1 => Some((field, values)),
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
    pub(super) fn in_range(&self, alternatives: Vec<Document>) -> Document {
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

/// Whether the index of these equality filters begins with `field`.
fn leads(filters: &str, field: &str) -> bool {
    filters.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
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
    /// By the index of these equality filters (empty for none) and the sort field: no sorting.
    Sorted(&'static str),
    /// By the index of this name, then sorted.
    Named(&'static str),
}

impl Index {
    /// The name of the index in a list sorted by `sort`.
    pub(super) fn name(self, sort: &str) -> String {
        match self {
            Self::Sorted(filter) => index_name(filter, sort),
            Self::Named(name) => name.to_owned(),
        }
    }
}
