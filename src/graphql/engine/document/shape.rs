//! Gives results the shape that the GraphQL specification asks for, where the executor does not: fields in the order in
//! which they were selected (section 7.2.2), and null for a field that failed, or for its parent if the schema does not
//! allow null there (section 6.4.4).

use apollo_compiler::ast::Type;
use async_graphql::{Name, PathSegment, Response, ServerError, Value, indexmap::IndexMap};

use super::plan::{Plan, PlannedField, PlannedObject, Selected};
use crate::graphql::engine::json::{TYPE_KEY, is_raw};

/// A null where the schema allows none: the parent becomes null instead.
struct NullForbidden;

impl Plan {
    /// Changes a response of the operation to the shape of its result.
    pub fn shape(&self, response: &mut Response) {
        let mut shaper = Shaper { errors: &response.errors, path: Vec::new() };
        let mut fields = match std::mem::take(&mut response.data) {
            Value::Object(fields) => fields,
            // Every field failed or was left out, so that the executor gives no object at all. Without a field that
            // failed, the operation did not run.
            _ if self.fields.is_empty() && response.errors.is_empty() => IndexMap::new(),
            _ if shaper.failed_below() => IndexMap::new(),
            _ => return,
        };
        if shaper.fields(&self.fields, &mut fields).is_ok() {
            response.data = Value::Object(fields);
        }
    }
}

struct Shaper<'a> {
    errors: &'a [ServerError],
    /// The path to the value that is being shaped. Maintained only if there are errors to compare it with.
    path: Vec<PathSegment>,
}

impl Shaper<'_> {
    fn fields(&mut self, selected: &[PlannedField], fields: &mut IndexMap<Name, Value>) -> Result<(), NullForbidden> {
        for field in selected {
            if self.errors.is_empty() && matches!(field.selected, Selected::Leaf) {
                continue;
            }
            self.enter(|| PathSegment::Field(field.key.to_string()));
            let value = fields.entry(field.key.clone()).or_default();
            let shaped = self.value(&field.ty, field, value);
            self.path.pop();
            shaped?;
        }
        let in_order = fields.len() == selected.len() && selected.iter().map(|field| &field.key).eq(fields.keys());
        if !in_order {
            let mut given = std::mem::take(fields);
            fields.extend(selected.iter().filter_map(|field| given.swap_remove_entry(&field.key)));
        }
        Ok(())
    }

    /// Shapes the value of a field, or an item of the list that it is.
    fn value(&mut self, ty: &Type, field: &PlannedField, value: &mut Value) -> Result<(), NullForbidden> {
        let shaped = match (ty, &mut *value) {
            (Type::List(item) | Type::NonNullList(item), Value::List(values)) => {
                if matches!(field.selected, Selected::Leaf) {
                    return Ok(());
                }
                values.iter_mut().enumerate().try_for_each(|(index, value)| {
                    self.enter(|| PathSegment::Index(index));
                    let shaped = self.value(item, field, value);
                    self.path.pop();
                    shaped
                })
            }
            (_, Value::Object(fields)) if is_raw(fields) => Ok(()),
            (_, Value::Object(fields)) => match object(&field.selected, fields) {
                Some(object) => self.fields(&object.fields, fields),
                None => Ok(()),
            },
            // Every field of the object failed.
            (Type::Named(_) | Type::NonNullNamed(_), Value::Null) => match &field.selected {
                Selected::Object(object) if self.failed_below() => {
                    let mut fields = IndexMap::new();
                    self.fields(&object.fields, &mut fields).map(|()| *value = Value::Object(fields))
                }
                _ => Err(NullForbidden),
            },
            (_, Value::Null) => Err(NullForbidden),
            _ => Ok(()),
        };
        match shaped {
            Err(NullForbidden) if !ty.is_non_null() => {
                *value = Value::Null;
                Ok(())
            }
            other => other,
        }
    }

    /// Adds a step to the path.
    fn enter(&mut self, step: impl FnOnce() -> PathSegment) {
        if !self.errors.is_empty() {
            self.path.push(step());
        }
    }

    /// Whether an error happened below the value that is being shaped, not at it.
    fn failed_below(&self) -> bool {
        self.errors.iter().any(|error| error.path.len() > self.path.len() && error.path.starts_with(&self.path))
    }
}

/// What is selected of an object with these fields, which tell its type if it can be one of several.
fn object<'a>(selected: &'a Selected, fields: &mut IndexMap<Name, Value>) -> Option<&'a PlannedObject> {
    match selected {
        Selected::Leaf => None,
        Selected::Object(object) => Some(object),
        Selected::OneOf(objects) => match fields.get(TYPE_KEY) {
            Some(Value::String(name)) => objects.iter().find(|object| object.type_name == *name),
            _ => None,
        },
    }
}
