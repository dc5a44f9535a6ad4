//! Answers `__schema` and `__type` from the schema that documents are validated against:
//! <https://spec.graphql.org/September2025/#sec-Schema-Introspection>.

mod fields;

use async_graphql::{PathSegment, ServerError, Variables};

use self::fields::{Object, Resolver, UnknownField, Value};
use super::{plan::PlannedField, types::SchemaTypes};
use crate::graphql::engine::{
    code,
    error::{ApiError, refusal},
    json::text::{Json, write_text},
};

/// Objects, texts and other values of an answer that cost one point.
pub(super) const VALUES_PER_POINT: usize = 10;

/// Writes the answer of a field of introspection as JSON, up to `limit` bytes. Fails with the error of the field, such as a name that is null.
pub(super) fn answer(
    types: &SchemaTypes,
    field: &PlannedField,
    variables: &Variables,
    limit: usize,
) -> Result<Json, ServerError> {
    let resolver = Resolver { types, variables: Some(variables) };
    let Some(value) = resolver.root(field) else {
        let mut error = refusal(code::BAD_USER_INPUT, "Invalid value for argument \"name\", expected type \"String!\"");
        error.locations.push(field.position);
        error.path.push(PathSegment::Field(field.key.to_string()));
        return Err(error);
    };
    let mut writer = Writer { resolver, json: Json::new(limit) };
    writer.value(value, field).map_err(|unknown| ApiError::internal(&unknown).into_server_error())?;
    Ok(writer.json)
}

/// The points that introspection costs in a selection of the root: one for each [`VALUES_PER_POINT`] of the answer, which is
/// the largest that the variables can lead to. What would cost more than `limit` is not counted to its end.
pub(super) fn points(types: &SchemaTypes, fields: &[PlannedField], limit: usize) -> u64 {
    let most = limit.saturating_mul(VALUES_PER_POINT);
    let mut counter = Counter { resolver: Resolver { types, variables: None }, most, values: 0 };
    for field in fields.iter().filter(|field| field.is_introspection()) {
        if let Some(value) = counter.resolver.root(field) {
            counter.value(value, field);
        }
    }
    counter.values.div_ceil(VALUES_PER_POINT) as u64
}

/// Counts the values that an answer has.
struct Counter<'a> {
    resolver: Resolver<'a>,
    /// The count after which nothing more is counted.
    most: usize,
    values: usize,
}

impl<'a> Counter<'a> {
    fn value(&mut self, value: Value<'a>, field: &PlannedField) {
        match value {
            Value::Null | Value::Flag(_) | Value::Text(_) => self.values += 1,
            Value::Names(names) => self.values += names.len(),
            Value::Object(object) => self.object(object, field),
            Value::List(objects) => objects.into_iter().for_each(|object| self.object(object, field)),
        }
    }

    fn object(&mut self, object: Object<'a>, selecting: &PlannedField) {
        self.values += 1;
        for field in selecting.objects().iter().flat_map(|object| &object.fields) {
            if self.values > self.most {
                return;
            }
            // The answer reports a field that is not known.
            if let Ok(value) = self.resolver.field(object, field) {
                self.value(value, field);
            }
        }
    }
}

/// Writes objects of introspection as JSON.
struct Writer<'a> {
    resolver: Resolver<'a>,
    json: Json,
}

impl<'a> Writer<'a> {
    fn value(&mut self, value: Value<'a>, field: &PlannedField) -> Result<(), UnknownField> {
        match value {
            Value::Null => self.json.extend_from_slice(b"null"),
            Value::Flag(flag) => self.json.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::Text(text) => write_text(&text, &mut self.json),
            Value::Names(names) => self.list(names, |writer, name| {
                write_text(name, &mut writer.json);
                Ok(())
            })?,
            Value::Object(object) => self.object(object, field)?,
            Value::List(objects) => self.list(objects, |writer, object| writer.object(object, field))?,
        }
        Ok(())
    }

    fn list<T>(
        &mut self,
        items: Vec<T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), UnknownField>,
    ) -> Result<(), UnknownField> {
        self.json.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            write(self, item)?;
        }
        self.json.push(b']');
        Ok(())
    }

    fn object(&mut self, object: Object<'a>, selecting: &PlannedField) -> Result<(), UnknownField> {
        self.json.push(b'{');
        let selected = selecting.objects().iter().flat_map(|object| &object.fields);
        for (index, field) in selected.enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            write_text(&field.key, &mut self.json);
            self.json.push(b':');
            let value = self.resolver.field(object, field)?;
            self.value(value, field)?;
        }
        self.json.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
