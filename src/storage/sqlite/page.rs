//! Reads the pages and counts of a list.

use rusqlite::{Connection, Row, params_from_iter, types::ValueRef};
use ulid::Ulid;

use super::{
    list::{ListBuilder, Side},
    row::{NamedRow, named},
};
use crate::{
    domain::{Direction, Edge, Page, Position, Slice, SortKey, Take},
    storage::{Result, StoreError},
};

/// The page of `list` that `slice` asks for. `columns` are those that `read` takes a row from, the id among them.
pub(super) fn read_page<T>(
    db: &Connection,
    list: &ListBuilder,
    columns: &str,
    slice: &Slice,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Page<T>> {
    let (backwards, count) = match slice.take {
        Take::First(count) => (false, count as usize),
        Take::Last(count) => (true, count as usize),
    };
    let (onwards, back) = (list.direction(), reversed(list.direction()));
    let mut range = Vec::new();
    range.extend(slice.after.as_ref().map(|position| (Side::After, position)));
    range.extend(slice.before.as_ref().map(|position| (Side::Before, position)));

    let limit = i64::try_from(count + 1).map_err(StoreError::internal)?;
    let (mut edges, mut more) = (Vec::new(), false);
    if let Some((sql, params)) = list.rows(columns, &range, if backwards { back } else { onwards }, limit)? {
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        let mut read_position = named(position_from_row);
        while let Some(row) = rows.next()? {
            if edges.len() == count {
                more = true;
                break;
            }
            edges.push(Edge { position: read_position(row)?, node: read(row)? });
        }
    }
    if backwards {
        edges.reverse();
    }
    let exists = |side, position: &Position, towards| exists(db, list, (side, position), towards);
    // Without a cursor at an end, the list has nothing beyond the rows that were read there.
    let has_previous = match (&slice.after, edges.first()) {
        _ if backwards && more => true,
        (None, _) => false,
        (Some(_), Some(first)) => exists(Side::Before, &first.position, back)?,
        (Some(after), None) => exists(Side::NotAfter, after, back)?,
    };
    let has_next = match (&slice.before, edges.last()) {
        _ if !backwards && more => true,
        (None, _) => false,
        (Some(_), Some(last)) => exists(Side::After, &last.position, onwards)?,
        (Some(before), None) => exists(Side::NotBefore, before, onwards)?,
    };
    Ok(Page { edges, has_previous, has_next })
}

/// How many rows the list has.
pub(super) fn count(db: &Connection, list: &ListBuilder) -> Result<u64> {
    let Some((sql, params)) = list.count() else { return Ok(0) };
    let count: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(params), |row| row.get("count"))?;
    u64::try_from(count).map_err(StoreError::internal)
}

fn exists(db: &Connection, list: &ListBuilder, bound: (Side, &Position), towards: Direction) -> Result<bool> {
    let Some((sql, params)) = list.any(&[bound], towards)? else { return Ok(false) };
    Ok(db.prepare_cached(&sql)?.exists(params_from_iter(params))?)
}

fn position_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Position> {
    let key = match row.get_ref("sort_key")? {
        ValueRef::Real(score) => SortKey::Score(score.to_bits()),
        text @ ValueRef::Text(_) => SortKey::Text(text.as_str()?.to_owned()),
        integer => SortKey::Int(integer.as_i64()?),
    };
    Ok(Position { key, id: Ulid::from_bytes(row.get("id")?) })
}

fn reversed(direction: Direction) -> Direction {
    match direction {
        Direction::Asc => Direction::Desc,
        Direction::Desc => Direction::Asc,
    }
}
