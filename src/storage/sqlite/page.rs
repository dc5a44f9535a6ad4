//! Reads the pages and counts of a list.

use rusqlite::{Connection, params_from_iter, types::Value, types::ValueRef};
use ulid::Ulid;

use super::list::{ListBuilder, Side};
use crate::{
    domain::{Direction, Edge, Page, Position, Slice, SortKey, Take},
    storage::{Result, StoreError},
};

/// The page of `list` that `slice` asks for, its rows read by `load`.
pub(super) fn read_page<T>(
    db: &Connection,
    list: &ListBuilder,
    slice: &Slice,
    mut load: impl FnMut(Ulid) -> Result<Option<T>>,
) -> Result<Page<T>> {
    let (backwards, count) = match slice.take {
        Take::First(count) => (false, count as usize),
        Take::Last(count) => (true, count as usize),
    };
    let (onwards, back) = (list.direction(), reversed(list.direction()));
    let mut range = Vec::new();
    range.extend(slice.after.as_ref().map(|position| (Side::After, position)));
    range.extend(slice.before.as_ref().map(|position| (Side::Before, position)));

    let mut positions = positions(db, list, &range, if backwards { back } else { onwards }, count + 1)?;
    let more = positions.len() > count;
    positions.truncate(count);
    if backwards {
        positions.reverse();
    }
    let exists = |side, position: &Position, towards| {
        self::positions(db, list, &[(side, position)], towards, 1).map(|found| !found.is_empty())
    };
    // Without a cursor at an end, the list has nothing beyond the rows that were read there.
    let has_previous = match (&slice.after, positions.first()) {
        _ if backwards && more => true,
        (None, _) => false,
        (Some(_), Some(first)) => exists(Side::Before, first, back)?,
        (Some(after), None) => exists(Side::NotAfter, after, back)?,
    };
    let has_next = match (&slice.before, positions.last()) {
        _ if !backwards && more => true,
        (None, _) => false,
        (Some(_), Some(last)) => exists(Side::After, last, onwards)?,
        (Some(before), None) => exists(Side::NotBefore, before, onwards)?,
    };
    let edges = positions.into_iter().map(|position| {
        let node = load(position.id)?.ok_or_else(|| StoreError::internal("an index names a row that is not there"))?;
        Ok(Edge { position, node })
    });
    Ok(Page { edges: edges.collect::<Result<_>>()?, has_previous, has_next })
}

/// How many rows the list has.
pub(super) fn count(db: &Connection, list: &ListBuilder) -> Result<u64> {
    let Some((sql, params)) = list.count() else { return Ok(0) };
    let count: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(params), |row| row.get("count"))?;
    u64::try_from(count).map_err(StoreError::internal)
}

fn positions(
    db: &Connection,
    list: &ListBuilder,
    bounds: &[(Side, &Position)],
    towards: Direction,
    limit: usize,
) -> Result<Vec<Position>> {
    let limit = i64::try_from(limit).map_err(StoreError::internal)?;
    let Some((sql, params)) = list.keys(bounds, towards, limit)? else { return Ok(Vec::new()) };
    let mut statement = db.prepare_cached(&sql)?;
    let found = statement.query_map(params_from_iter::<Vec<Value>>(params), |row| {
        let key = match row.get_ref("sort_key")? {
            ValueRef::Real(score) => SortKey::Score(score.to_bits()),
            text @ ValueRef::Text(_) => SortKey::Text(text.as_str()?.to_owned()),
            integer => SortKey::Int(integer.as_i64()?),
        };
        Ok(Position { key, id: Ulid::from_bytes(row.get("id")?) })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn reversed(direction: Direction) -> Direction {
    match direction {
        Direction::Asc => Direction::Desc,
        Direction::Desc => Direction::Asc,
    }
}
