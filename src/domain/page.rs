//! Keyset pagination: list queries and the pages that answer them.
//!
//! A position is the sort key of a row followed by its id. So it is unique, and it stays valid when rows around it are
//! inserted or deleted.

use ulid::Ulid;

/// The direction in which a list is sorted. Rows with equal keys are sorted by id in the same direction.
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
    /// The field to sort by.
    pub field: F,
    /// The direction of the list.
    pub direction: Direction,
}

/// The value that a row is sorted by. Rows without a value have a stand-in, so there is no null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Times in milliseconds, money in units, ranks and counts.
    Int(i64),
    /// Texts, compared byte by byte.
    Text(String),
    /// The bits of an `f64` search score, larger is more relevant.
    Score(u64),
}

/// A position in a sorted list: that of the row with this key and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The row's value in the sort field.
    pub key: SortKey,
    /// The row's id, the tie-breaker.
    pub id: Ulid,
}

/// How many rows are taken from a range, and from which of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Take {
    /// From the beginning (`first`).
    First(u32),
    /// From the end (`last`); the rows still come in list order.
    Last(u32),
}

/// A part of a sorted list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Only rows strictly after this position.
    pub after: Option<Position>,
    /// Only rows strictly before this position.
    pub before: Option<Position>,
    /// How many of these rows, and from which end.
    pub take: Take,
}

impl Slice {
    /// The first `count` rows.
    pub fn first(count: u32) -> Self {
        Self { after: None, before: None, take: Take::First(count) }
    }

    /// This part of a list that is in memory as a whole, in its order. `precedes` says whether a row at the first position
    /// comes before one at the second.
    pub fn cut<T>(&self, rows: Vec<Edge<T>>, precedes: impl Fn(&Position, &Position) -> bool) -> Page<T> {
        let from = |after| rows.partition_point(|row| !precedes(after, &row.position));
        let from = self.after.as_ref().map_or(0, from);
        let to = |before| rows.partition_point(|row| precedes(&row.position, before));
        let to = self.before.as_ref().map_or(rows.len(), to).max(from);
        let (from, to) = match self.take {
            Take::First(count) => (from, to.min(from.saturating_add(count as usize))),
            Take::Last(count) => (from.max(to.saturating_sub(count as usize)), to),
        };
        let (has_previous, has_next) = (from > 0, to < rows.len());
        Page { edges: rows.into_iter().take(to).skip(from).collect(), has_previous, has_next }
    }
}

/// A list query: `F` is the filter, `S` the sort field, `P` the costly fields to read. It is the key of a loader: equal
/// queries of one operation are answered once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListQuery<F, S, P> {
    /// Selects the rows.
    pub filter: F,
    /// The order of the rows.
    pub sort: Sort<S>,
    /// The part of the list to read.
    pub slice: Slice,
    /// The costly fields to read; the others come back empty.
    pub fields: P,
}

/// A row with its position in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge<T> {
    /// Position of the row.
    pub position: Position,
    /// The row itself.
    pub node: T,
}

/// The answer to a [`ListQuery`].
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, in list order.
    pub edges: Vec<Edge<T>>,
    /// Whether the filtered list has a row before the first edge (or before the range, when there is no edge).
    pub has_previous: bool,
    /// Whether the filtered list has a row after the last edge (or after the range, when there is no edge).
    pub has_next: bool,
}

impl<T> Page<T> {
    /// The page of an empty list.
    pub fn empty() -> Self {
        Self { edges: Vec::new(), has_previous: false, has_next: false }
    }

    /// The page with each row replaced by `change` of it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_list_in_memory_walk_all_of_it_from_both_ends() {
        let position =
            |number: u32| Position { key: SortKey::Int(number.into()), id: Ulid::from_parts(1, number.into()) };
        let rows = || (0..5).map(|number| Edge { position: position(2 * number), node: 2 * number }).collect();
        let precedes = |one: &Position, other: &Position| one.id < other.id;
        let cut = |after: Option<u32>, before: Option<u32>, take| {
            let slice = Slice { after: after.map(position), before: before.map(position), take };
            let page = slice.cut(rows(), precedes);
            let nodes: Vec<u32> = page.edges.into_iter().map(|edge| edge.node).collect();
            (nodes, page.has_previous, page.has_next)
        };
        use Take::{First, Last};
        assert_eq!(cut(None, None, First(2)), (vec![0, 2], false, true));
        assert_eq!(cut(Some(2), None, First(9)), (vec![4, 6, 8], true, false));
        assert_eq!(cut(None, None, Last(2)), (vec![6, 8], true, false));
        assert_eq!(cut(None, Some(6), Last(2)), (vec![2, 4], true, true));
        assert_eq!(cut(Some(0), Some(8), First(1)), (vec![2], true, true));
        assert_eq!(cut(Some(3), None, First(1)), (vec![4], true, true), "a cursor of a row that is gone");
        assert_eq!(cut(Some(6), Some(2), First(9)), (vec![], true, true));
        assert_eq!(cut(Some(8), None, First(0)), (vec![], true, false));
    }
}
