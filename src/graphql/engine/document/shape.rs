//! Gives results the shape that the GraphQL specification asks for, where the executor does not: fields in the order in
//! which they were selected (section 7.2.2), and null for a field that failed, or for its parent if the schema does not
//! allow null there (section 6.4.4).

use async_graphql::{
    Name, PathSegment, Response, ServerError, Value,
    indexmap::IndexMap,
    parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type},
};

use super::{
    types::SchemaTypes,
    visit::{SelectedField, Visitor, visit_operation},
};
use crate::graphql::engine::json::is_raw;

/// A selected field.
struct ShapeField {
    key: Name,
    /// `None` for introspection, whose shape the executor gets right.
    ty: Option<Type>,
    selected: Vec<ShapeField>,
}

/// The shape of one operation's results.
pub(crate) struct Shape {
    fields: Vec<ShapeField>,
    /// Whether no object is selected twice under the same key, so that no selections have to be merged.
    allows_direct_json: bool,
}

/// A null where the schema allows none: the parent becomes null instead.
struct NullForbidden;

/// Builds a shape while the selections are visited.
#[derive(Default)]
struct ShapeBuilder {
    /// The fields of the object that is being visited.
    fields: Vec<ShapeField>,
    /// The objects around it: their fields, and which of these selects the next object.
    outer: Vec<(Vec<ShapeField>, usize)>,
    /// Whether an object is selected more than once under the same key.
    merges: bool,
}

impl<'a> Visitor<'a> for ShapeBuilder {
    const EACH_SPREAD: bool = true;

    fn enter_field(&mut self, SelectedField { field, ty, .. }: SelectedField<'a>) -> bool {
        let key = &field.response_key().node;
        let place = match self.fields.iter().position(|known| known.key == *key) {
            Some(place) => {
                self.merges |= !field.selection_set.node.items.is_empty();
                place
            }
            None => {
                self.fields.push(ShapeField { key: key.clone(), ty: ty.cloned(), selected: Vec::new() });
                self.fields.len() - 1
            }
        };
        if ty.is_none() {
            return false;
        }
        let selected = std::mem::take(&mut self.fields[place].selected);
        self.outer.push((std::mem::replace(&mut self.fields, selected), place));
        true
    }

    fn leave_field(&mut self) {
        if let Some((fields, place)) = self.outer.pop() {
            let selected = std::mem::replace(&mut self.fields, fields);
            self.fields[place].selected = selected;
        }
    }
}

impl Shape {
    /// Derives the shape of an operation of a valid document.
    pub(super) fn new(types: &SchemaTypes, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let ShapeBuilder { fields, merges, .. } = visit_operation(types, document, operation, ShapeBuilder::default());
        Self { fields, allows_direct_json: !merges }
    }

    /// Whether objects can be written as JSON at once: no other selection adds fields to them.
    pub fn allows_direct_json(&self) -> bool {
        self.allows_direct_json
    }

    /// Changes a response of the operation to this shape.
    pub fn apply(&self, response: &mut Response) {
        let mut path = Vec::new();
        if let Value::Object(fields) = &mut response.data {
            let errors = &response.errors;
            if shape_object(&self.fields, fields, errors, &mut path).is_err() {
                response.data = Value::Null;
            }
        } else if response.data == Value::Null && response.errors.iter().any(|error| !error.path.is_empty()) {
            // Every field of the operation failed, so the executor gave no object at all.
            let mut fields = IndexMap::new();
            if shape_object(&self.fields, &mut fields, &response.errors, &mut path).is_ok() {
                response.data = Value::Object(fields);
            }
        }
    }
}

/// Shapes an object. `path` is maintained only if there are errors to compare it with.
fn shape_object(
    selected: &[ShapeField],
    fields: &mut IndexMap<Name, Value>,
    errors: &[ServerError],
    path: &mut Vec<PathSegment>,
) -> Result<(), NullForbidden> {
    for field in selected {
        let Some(ty) = &field.ty else { continue };
        if errors.is_empty() && field.selected.is_empty() {
            continue;
        }
        if !errors.is_empty() {
            path.push(PathSegment::Field(field.key.to_string()));
        }
        let shaped = match fields.get_mut(&field.key) {
            Some(value) => shape_value(ty, &field.selected, value, errors, path),
            None if failed(errors, path) => {
                fields.insert(field.key.clone(), Value::Null);
                if ty.nullable { Ok(()) } else { Err(NullForbidden) }
            }
            // Skipped by a directive, or selected on another type.
            None => Ok(()),
        };
        path.pop();
        shaped?;
    }
    let in_order =
        selected.iter().filter(|field| fields.contains_key(&field.key)).map(|field| &field.key).eq(fields.keys());
    if !in_order {
        let mut given = std::mem::take(fields);
        fields.extend(selected.iter().filter_map(|field| given.swap_remove_entry(&field.key)));
        fields.extend(given);
    }
    Ok(())
}

fn shape_value(
    ty: &Type,
    selected: &[ShapeField],
    value: &mut Value,
    errors: &[ServerError],
    path: &mut Vec<PathSegment>,
) -> Result<(), NullForbidden> {
    let shaped = match (&ty.base, &mut *value) {
        (_, Value::Null) => Err(NullForbidden),
        (BaseType::List(item), Value::List(values)) if !selected.is_empty() => {
            values.iter_mut().enumerate().try_for_each(|(index, value)| {
                if !errors.is_empty() {
                    path.push(PathSegment::Index(index));
                }
                let shaped = shape_value(item, selected, value, errors, path);
                path.pop();
                shaped
            })
        }
        (BaseType::Named(_), Value::Object(fields)) if !is_raw(fields) => shape_object(selected, fields, errors, path),
        _ => Ok(()),
    };
    match shaped {
        Err(NullForbidden) if ty.nullable => {
            *value = Value::Null;
            Ok(())
        }
        other => other,
    }
}

/// Whether an error happened at `path` or below it.
fn failed(errors: &[ServerError], path: &[PathSegment]) -> bool {
    errors.iter().any(|error| error.path.starts_with(path))
}
