//! The builder of list queries: from a filter to the SQL that gives rows in order.
//!
//! SQLite uses one index for a query. The first equality filter that an entity adds chooses the index: each such filter
//! has an index with each sort key and the id. Every further condition has a unary `+`, which keeps the planner from
//! choosing another index for it, and is checked row by row. A filter with several values becomes one ordered query for
//! each value, merged, so that none reads more rows than the page has.

use rusqlite::types::Value;

use crate::domain::{Direction, Position, Slice, SortKey};

use crate::storage::{Result, StoreError};

/// The type of a sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyType {
    Int,
    Text,
    Score,
}

/// The order of a list: the sort column, and the column of the id that breaks ties.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListOrder {
    pub(super) key: &'static str,
    pub(super) key_type: KeyType,
    pub(super) id: &'static str,
    pub(super) direction: Direction,
}

/// The ends of the scan that have a cursor, in terms of the sort key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursors {
    below: bool,
    above: bool,
}

impl Cursors {
    pub(super) fn for_slice(slice: &Slice, direction: Direction) -> Self {
        let (after, before) = (slice.after.is_some(), slice.before.is_some());
        match direction {
            Direction::Asc => Self { below: after, above: before },
            Direction::Desc => Self { below: before, above: after },
        }
    }
}

/// A side of a position, in list order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    After,
    NotBefore,
    Before,
    NotAfter,
}

/// The query of a filtered list, while its conditions are added.
#[derive(Debug, Clone)]
pub(super) struct ListBuilder {
    with: String,
    from: &'static str,
    order: ListOrder,
    cursors: Cursors,
    conditions: Vec<String>,
    /// Conditions of which at most one holds for a row; `None` for a query without alternatives.
    alternatives: Option<Vec<String>>,
    params: Vec<Value>,
    /// Whether a condition has chosen the index already.
    has_index: bool,
}

impl ListBuilder {
    /// The whole list.
    pub(super) fn new(from: &'static str, order: ListOrder, cursors: Cursors) -> Self {
        Self {
            with: String::new(),
            from,
            order,
            cursors,
            conditions: Vec::new(),
            alternatives: None,
            params: Vec::new(),
            has_index: false,
        }
    }

    /// The list starts from the rows of `hits`, a query, joined in `from`; they are few enough to be sorted.
    pub(super) fn start_from_hits(&mut self, from: &'static str, hits: &str) {
        self.with = format!("WITH hits AS MATERIALIZED ({hits}) ");
        self.from = from;
        self.has_index = true;
    }

    /// The list is read from `from`.
    pub(super) fn read_from(&mut self, from: &'static str) {
        self.from = from;
    }

    /// The placeholder of a value.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("?{}", self.params.len())
    }

    /// The placeholders of values, with commas.
    pub(super) fn bind_all<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> String {
        let placeholders: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
        placeholders.join(", ")
    }

    /// Whether a condition has chosen the index already.
    pub(super) fn has_index(&self) -> bool {
        self.has_index
    }

    /// Adds a condition that chooses no index.
    pub(super) fn filter_by(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// Adds a condition that chooses the index.
    pub(super) fn index_by(&mut self, condition: String) {
        self.conditions.push(condition);
        self.has_index = true;
    }

    /// `column` equals `value`.
    pub(super) fn equals(&mut self, column: &str, value: impl Into<Value>) {
        let value = self.bind(value);
        if self.has_index {
            self.filter_by(format!("+{column} = {value}"))
        } else {
            self.index_by(format!("{column} = {value}"))
        }
    }

    /// `column` equals one of `values`.
    pub(super) fn is_one_of<V: Into<Value> + Copy + PartialEq>(&mut self, column: &str, values: &[V]) {
        let mut distinct: Vec<V> = Vec::new();
        for value in values {
            if !distinct.contains(value) {
                distinct.push(*value);
            }
        }
        if self.has_index {
            let values = self.bind_all(distinct);
            self.filter_by(format!("+{column} IN ({values})"));
        } else {
            let alternatives = distinct.into_iter().map(|value| format!("{column} = {}", self.bind(value))).collect();
            self.index_by_any(alternatives);
        }
    }

    /// Adds alternatives, of which no two hold for one row. They choose the index.
    pub(super) fn index_by_any(&mut self, alternatives: Vec<String>) {
        self.alternatives = Some(alternatives);
        self.has_index = true;
    }

    /// `column` compared by `>`, `>=`, `<` or `<=` with `value`. It narrows the walk when the list is sorted by the
    /// column and no cursor narrows it at that end.
    pub(super) fn range(&mut self, column: &str, comparison: &str, value: impl Into<Value>) {
        let by_cursor = if comparison.starts_with('>') { self.cursors.below } else { self.cursors.above };
        let narrows = column == self.order.key && !by_cursor;
        let value = self.bind(value);
        self.filter_by(format!("{}{column} {comparison} {value}", if narrows { "" } else { "+" }));
    }

    /// The query for the sort keys and the `columns`, the id among them, of up to `limit` rows on the given sides of
    /// positions, nearest first when read in `direction`; and its parameters. `None` when no row can pass the filter.
    pub(super) fn rows(
        &self,
        columns: &str,
        bounds: &[(Side, &Position)],
        direction: Direction,
        limit: i64,
    ) -> Result<Option<(String, Vec<Value>)>> {
        let mut params = self.params.clone();
        let mut ends = Vec::new();
        for (side, position) in bounds {
            ends.push(self.bound(*side, position, &mut params)?);
        }
        params.push(Value::Integer(limit));
        let (from, ListOrder { key, id, .. }) = (self.from, self.order);
        let towards = if direction == Direction::Asc { "ASC" } else { "DESC" };
        let walk = |alternative: Option<&String>| {
            let filter = filter(self.conditions.iter().chain(alternative).chain(&ends));
            let limit = params.len();
            format!(
                "SELECT {key} AS sort_key, {columns} FROM {from}{filter} ORDER BY {key} {towards}, {id} {towards} LIMIT ?{limit}"
            )
        };
        let walks: Vec<String> = match &self.alternatives {
            None => vec![walk(None)],
            Some(alternatives) => alternatives.iter().map(|alternative| walk(Some(alternative))).collect(),
        };
        let sql = match walks.as_slice() {
            [] => return Ok(None),
            [walk] => format!("{}{walk}", self.with),
            walks => {
                let merged: Vec<String> = walks.iter().map(|walk| format!("SELECT * FROM ({walk})")).collect();
                let (merged, limit) = (merged.join(" UNION ALL "), params.len());
                format!("{}{merged} ORDER BY sort_key {towards}, id {towards} LIMIT ?{limit}", self.with)
            }
        };
        Ok(Some((sql, params)))
    }

    /// The query for whether [`Self::rows`] has a row.
    pub(super) fn any(
        &self,
        bounds: &[(Side, &Position)],
        direction: Direction,
    ) -> Result<Option<(String, Vec<Value>)>> {
        self.rows(&format!("{} AS id", self.order.id), bounds, direction, 1)
    }

    /// The query for the number of rows, and its parameters. `None` when no row can pass the filter.
    pub(super) fn count(&self) -> Option<(String, Vec<Value>)> {
        let count = |alternative: Option<&String>| {
            let filter = filter(self.conditions.iter().chain(alternative));
            format!("(SELECT count(*) FROM {}{filter})", self.from)
        };
        let counts: Vec<String> = match &self.alternatives {
            None => vec![count(None)],
            Some(alternatives) => alternatives.iter().map(|alternative| count(Some(alternative))).collect(),
        };
        (!counts.is_empty())
            .then(|| (format!("{}SELECT {} AS count", self.with, counts.join(" + ")), self.params.clone()))
    }

    /// The direction the list is read in.
    pub(super) fn direction(&self) -> Direction {
        self.order.direction
    }

    fn bound(&self, side: Side, position: &Position, params: &mut Vec<Value>) -> Result<String> {
        params.push(match (&position.key, self.order.key_type) {
            (SortKey::Int(key), KeyType::Int) => Value::Integer(*key),
            (SortKey::Text(key), KeyType::Text) => Value::Text(key.clone()),
            (SortKey::Score(bits), KeyType::Score) => Value::Real(f64::from_bits(*bits)),
            (key, wanted) => return Err(StoreError::internal(format!("{key:?} is no position by {wanted:?}"))),
        });
        params.push(Value::Blob(position.id.to_bytes().to_vec()));
        let comparison = match (side, self.order.direction) {
            (Side::After, Direction::Asc) | (Side::Before, Direction::Desc) => ">",
            (Side::NotBefore, Direction::Asc) | (Side::NotAfter, Direction::Desc) => ">=",
            (Side::After, Direction::Desc) | (Side::Before, Direction::Asc) => "<",
            (Side::NotBefore, Direction::Desc) | (Side::NotAfter, Direction::Asc) => "<=",
        };
        let ListOrder { key, id, .. } = self.order;
        Ok(format!("({key}, {id}) {comparison} (?{}, ?{})", params.len() - 1, params.len()))
    }
}

fn filter<'a>(conditions: impl Iterator<Item = &'a String>) -> String {
    let conditions: Vec<&str> = conditions.map(String::as_str).collect();
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}
