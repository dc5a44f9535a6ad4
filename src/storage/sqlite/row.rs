//! Conversions between domain values and columns.

use rusqlite::{
    Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::{CurrencyCode, Decimal, Timestamp},
    storage::{Result, StoreError},
};

/// A row whose columns are read by name.
pub(super) struct NamedRow<'a, 'statement> {
    row: &'a Row<'statement>,
    /// The columns in the order in which they were read from the rows before.
    columns: &'a mut Vec<(&'static str, usize)>,
    reads: usize,
}

impl<'a> NamedRow<'a, '_> {
    /// The value of the column with this name. Fails if there is no such column, or its value is of another type.
    pub fn get<T: FromSql>(&mut self, name: &'static str) -> rusqlite::Result<T> {
        self.row.get(self.column(name)?)
    }

    /// The same without a conversion.
    pub fn get_ref(&mut self, name: &'static str) -> rusqlite::Result<ValueRef<'a>> {
        self.row.get_ref(self.column(name)?)
    }

    fn column(&mut self, name: &'static str) -> rusqlite::Result<usize> {
        let column = match self.columns.get(self.reads) {
            Some((known, column)) if *known == name => *column,
            _ => self.find(name)?,
        };
        self.reads += 1;
        Ok(column)
    }

    /// Tries the column behind the one that was read last, then all.
    fn find(&mut self, name: &'static str) -> rusqlite::Result<usize> {
        let statement = self.row.as_ref();
        self.columns.truncate(self.reads);
        let next = self.columns.last().map_or(0, |(_, column)| column + 1);
        let is_next = next < statement.column_count() && statement.column_name(next)? == name;
        let column = if is_next { next } else { statement.column_index(name)? };
        self.columns.push((name, column));
        Ok(column)
    }
}

/// Reads the rows of a query with `read`. Names are searched in the first row only, as long as `read` reads the columns
/// of each row in the same order.
pub(super) fn named<T>(
    read: impl Fn(&mut NamedRow<'_, '_>) -> rusqlite::Result<T>,
) -> impl FnMut(&Row<'_>) -> rusqlite::Result<T> {
    let mut columns = Vec::new();
    move |row| read(&mut NamedRow { row, columns: &mut columns, reads: 0 })
}

/// The columns, separated by commas, as those of `table` in a query that joins it.
pub(super) fn columns_of(table: &str, columns: &str) -> String {
    let qualified: Vec<String> = columns.split(", ").map(|column| format!("{table}.{column} AS {column}")).collect();
    qualified.join(", ")
}

/// Stores these ids as their 16 bytes.
macro_rules! blob_columns {
    ($($id:ty),*) => {$(
        const _: () = {
        use rusqlite::{ToSql, types::{FromSql, FromSqlResult, ToSqlOutput, Value, ValueRef}};

        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Owned(Value::from(*self)))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value).map(Self::from_bytes)
            }
        }

        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Value::Blob(id.to_bytes().to_vec())
            }
        }
        };
    )*};
}
pub(super) use blob_columns;

macro_rules! integer_columns {
    ($($type:ty: $from:path, $to:path);*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Owned(Value::from(*self)))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map($from)
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::Integer($to(value))
            }
        }
    )*};
}

integer_columns!(
    Decimal: Decimal::from_units, Decimal::units;
    Timestamp: Timestamp::from_unix_millis, Timestamp::unix_millis
);

/// Stores these enums as their texts.
macro_rules! text_columns {
    ($($type:ident),*) => {$(
        const _: () = {
        use rusqlite::{ToSql, types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef}};

        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.as_str()))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::Text(value.as_str().to_owned())
            }
        }
        };
    )*};
}
pub(super) use text_columns;

impl ToSql for CurrencyCode {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for CurrencyCode {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// A column that holds JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// The text of a [`Json`] column.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(StoreError::internal)
}
