//! Domain values in BSON, read from the raw reply without building an intermediate document.
//!
//! Ids are 16-byte binaries, which sort like the ids. Money is a 64-bit number of units, times are dates, statuses are
//! their GraphQL names and priorities their rank. An absent value is left out, never null.

use bson::{
    Binary, Bson, RawArrayBuf, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, raw::CStr, spec::BinarySubtype,
};

use crate::{
    domain::{CurrencyCode, Decimal, Timestamp},
    storage::{Result, StoreError},
};

/// A value that a field of a document can hold.
pub(super) trait BsonValue: Sized {
    /// The value, or `None` if the field has another type or an unknown value.
    fn read(value: RawBsonRef<'_>) -> Option<Self>;
    /// Appends the value to a document.
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr);
}

/// A field of a document that is being read.
pub(super) struct Field<'a> {
    pub(super) key: &'static str,
    pub(super) value: Option<RawBsonRef<'a>>,
}

impl Field<'_> {
    /// The value of a field that every document has.
    pub(super) fn required<T: BsonValue>(self) -> Result<T> {
        self.value.and_then(T::read).ok_or_else(|| self.corrupt())
    }

    /// The value of a field that may be absent.
    pub(super) fn optional<T: BsonValue>(self) -> Result<Option<T>> {
        self.value.map(|value| T::read(value).ok_or_else(|| self.corrupt())).transpose()
    }

    /// The document in a field that every document has.
    pub(super) fn document(&self) -> Result<&RawDocument> {
        self.value.and_then(|value| value.as_document()).ok_or_else(|| self.corrupt())
    }

    /// The elements of an array of documents that every document has.
    pub(super) fn documents<T>(self, decode: impl Fn(&RawDocument) -> Result<T>) -> Result<Vec<T>> {
        let mut elements = Vec::new();
        self.each_document(|document| {
            elements.push(decode(document)?);
            Ok(())
        })?;
        Ok(elements)
    }

    /// Calls `each` with the elements of an array of documents that every document has.
    pub(super) fn each_document(self, mut each: impl FnMut(&RawDocument) -> Result<()>) -> Result<()> {
        let array = self.value.and_then(|value| value.as_array()).ok_or_else(|| self.corrupt())?;
        for element in array {
            each(element.map_err(StoreError::internal)?.as_document().ok_or_else(|| self.corrupt())?)?;
        }
        Ok(())
    }

    fn corrupt(&self) -> StoreError {
        StoreError::internal(format!("a stored document has a missing or invalid field {:?}", self.key))
    }
}

/// Binds each name to the [`Field`] of that key, in one pass over the document.
macro_rules! read_fields {
    ($document:expr, $($name:ident: $key:literal),* $(,)?) => {
        $(let mut $name = $crate::storage::mongo::codec::Field { key: $key, value: None };)*
        for element in $document.iter_elements() {
            let element = element.map_err($crate::storage::StoreError::internal)?;
            match element.key().as_str() {
                $($key => $name.value = Some(element.value().map_err($crate::storage::StoreError::internal)?),)*
                _ => {}
            }
        }
    };
}
pub(super) use read_fields;

/// Appends values to a raw document; an `Option` that is `None` is left out.
macro_rules! append_fields {
    ($document:expr, $($key:literal: $value:expr),* $(,)?) => {
        $($crate::storage::mongo::codec::BsonValue::put(&$value, &mut $document, bson::raw::cstr!($key));)*
    };
}
pub(super) use append_fields;

/// A new raw document with these values.
macro_rules! raw_document {
    ($($fields:tt)*) => {{
        let mut document = bson::RawDocumentBuf::new();
        $crate::storage::mongo::codec::append_fields!(document, $($fields)*);
        document
    }};
}
pub(super) use raw_document;

/// Bytes of an id or a hash as BSON.
pub(super) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

impl<const N: usize> BsonValue for [u8; N] {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_binary()?.bytes.try_into().ok()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, RawBsonRef::Binary(RawBinaryRef { subtype: BinarySubtype::Generic, bytes: self }));
    }
}

/// Stores these ids as their 16 bytes.
macro_rules! stored_ids {
    ($($id:ident),*) => {
        $(
            const _: () = {
            use bson::{Bson, RawBsonRef, RawDocumentBuf, raw::CStr};

            use $crate::storage::mongo::codec::{BsonValue, binary};

            impl BsonValue for $id {
                fn read(value: RawBsonRef<'_>) -> Option<Self> {
                    <[u8; 16]>::read(value).map(Self::from_bytes)
                }
                fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
                    self.to_bytes().put(document, key);
                }
            }
            impl From<$id> for Bson {
                fn from(id: $id) -> Self {
                    binary(&id.to_bytes()).into()
                }
            }
            };
        )*
    };
}
pub(super) use stored_ids;

/// Stores these enums as their texts.
macro_rules! stored_by_text {
    ($($type:ident),*) => {
        $(
            const _: () = {
            use bson::{Bson, RawBsonRef, RawDocumentBuf, raw::CStr};

            use $crate::storage::mongo::codec::{BsonValue};

            impl BsonValue for $type {
                fn read(value: RawBsonRef<'_>) -> Option<Self> {
                    value.as_str()?.parse().ok()
                }
                fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
                    document.append(key, self.as_str());
                }
            }
            impl From<$type> for Bson {
                fn from(value: $type) -> Self {
                    value.as_str().into()
                }
            }
            };
        )*
    };
}
pub(super) use stored_by_text;

impl BsonValue for Timestamp {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_datetime().map(|date| Self::from_unix_millis(date.timestamp_millis()))
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, bson::DateTime::from_millis(self.unix_millis()));
    }
}

impl From<Timestamp> for Bson {
    fn from(time: Timestamp) -> Self {
        bson::DateTime::from_millis(time.unix_millis()).into()
    }
}

impl BsonValue for Decimal {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        i64::read(value).map(Self::from_units)
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.units());
    }
}

impl From<Decimal> for Bson {
    fn from(amount: Decimal) -> Self {
        amount.units().into()
    }
}

impl BsonValue for CurrencyCode {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.as_str());
    }
}

impl BsonValue for bool {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_bool()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, *self);
    }
}

impl BsonValue for i32 {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_i32()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, *self);
    }
}

impl BsonValue for i64 {
    /// Reads 32-bit values too: an aggregation returns the smallest type that holds a sum.
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_i64().or_else(|| value.as_i32().map(Self::from))
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, *self);
    }
}

impl BsonValue for f64 {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_f64()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, *self);
    }
}

impl BsonValue for String {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.as_str());
    }
}

impl BsonValue for Vec<String> {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_array()?.into_iter().map(|element| String::read(element.ok()?)).collect()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.iter().map(String::as_str).collect::<RawArrayBuf>());
    }
}

impl<const N: usize> BsonValue for Vec<[u8; N]> {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        value.as_array()?.into_iter().map(|element| <[u8; N]>::read(element.ok()?)).collect()
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        document.append(key, self.iter().map(|bytes| binary(bytes)).collect::<RawArrayBuf>());
    }
}

impl<T: BsonValue> BsonValue for Option<T> {
    fn read(value: RawBsonRef<'_>) -> Option<Self> {
        T::read(value).map(Some)
    }
    fn put(&self, document: &mut RawDocumentBuf, key: &CStr) {
        if let Some(value) = self {
            value.put(document, key);
        }
    }
}
