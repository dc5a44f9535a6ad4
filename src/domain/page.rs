//! Keyset pagination: what a list query asks for and what a storage engine answers.
//!
//! A position is the sort key of a row followed by its id, so that it is unique and stays valid when rows are
//! inserted or deleted around it.

use ulid::Ulid;

/// Which way a list is sorted. Ties are broken by id in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// A sort field with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort<F> {
    /// What to sort by.
    pub field: F,
    /// Which way.
    pub direction: Direction,
}

/// The value a row is sorted by. Rows without a value carry a stand-in, so there is no null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Times in milliseconds, money in units, ranks and counts.
    Int(i64),
    /// Compared byte by byte.
    Text(String),
    /// The bits of an `f64` search score, larger is more relevant.
    Score(u64),
}

/// A place in a sorted list: just at the row with this key and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The row's value in the sort field.
    pub key: SortKey,
    /// The row's id, the tie-breaker.
    pub id: Ulid,
}

/// From which end of the range rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Take {
    /// From its beginning (`first`).
    First(u32),
    /// From its end (`last`); the rows still come in list order.
    Last(u32),
}

/// The part of a sorted list that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Only rows strictly after this position.
    pub after: Option<Position>,
    /// Only rows strictly before this position.
    pub before: Option<Position>,
    /// How many, and from which end.
    pub take: Take,
}

impl Slice {
    /// The first `count` rows.
    pub fn first(count: u32) -> Self {
        Self { after: None, before: None, take: Take::First(count) }
    }
}

/// One list query: `F` filters, `S` names the sort field, `P` says which costly parts of each row to read.
/// It is a loader key: equal queries of one operation are answered once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListQuery<F, S, P> {
    /// Which rows.
    pub filter: F,
    /// In which order.
    pub sort: Sort<S>,
    /// Which part of them.
    pub slice: Slice,
    /// Which costly parts of a row are read; the others come back empty.
    pub fields: P,
}

/// A row with its place in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge<T> {
    /// Where it stands.
    pub position: Position,
    /// The row.
    pub node: T,
}

/// The answer to a [`ListQuery`].
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// In list order.
    pub edges: Vec<Edge<T>>,
    /// Whether the filtered list has a row before the first edge (or before the range, when there is no edge).
    pub has_previous: bool,
    /// Whether the filtered list has a row after the last edge (or after the range, when there is no edge).
    pub has_next: bool,
}

impl<T> Page<T> {
    /// A page with nothing on it and nothing around it.
    pub fn empty() -> Self {
        Self { edges: Vec::new(), has_previous: false, has_next: false }
    }

    /// The page with each row turned into something else.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        let edges =
            self.edges.into_iter().map(|edge| Edge { position: edge.position, node: change(edge.node) }).collect();
        Page { edges, has_previous: self.has_previous, has_next: self.has_next }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self::empty()
    }
}
