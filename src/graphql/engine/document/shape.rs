//! Gives results the shape that the GraphQL specification asks for, where the executor leaves it open: fields in the
//! order in which they were selected (section 7.2.2), a null for a field that failed, and its parent in its place where
//! the schema allows no null (section 6.4.4).

use async_graphql::{
    Name, PathSegment, Response, ServerError, Value,
    indexmap::IndexMap,
    parser::types::{BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type},
};

use super::types::{SchemaTypes, base_name};
use crate::graphql::engine::json::is_raw;

/// A selected field.
struct ShapeField {
    key: Name,
    /// `None` for introspection, which the executor shapes right.
    ty: Option<Type>,
    selected: Vec<ShapeField>,
}

/// The shape of one operation's results.
pub(crate) struct Shape {
    plan: Vec<ShapeField>,
    /// Whether no object is selected twice, its selections to be merged.
    allows_direct_json: bool,
}

/// A null where the schema allows none: the parent has to be null instead.
struct Forbidden;

/// Follows every spread, of which a measured document has only so many.
struct ShapeBuilder<'a> {
    types: &'a SchemaTypes,
    document: &'a ExecutableDocument,
    /// Whether an object was selected again.
    merges: bool,
}

impl ShapeBuilder<'_> {
    /// Adds what `set` selects of the type `parent`.
    fn add(&mut self, plan: &mut Vec<ShapeField>, parent: &str, set: &SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    let ty = self.types.field(parent, &field.node.name.node);
                    let place = match plan.iter().position(|planned| planned.key == *key) {
                        Some(place) => {
                            self.merges |= !field.node.selection_set.node.items.is_empty();
                            place
                        }
                        None => {
                            plan.push(ShapeField { key: key.clone(), ty: ty.cloned(), selected: Vec::new() });
                            plan.len() - 1
                        }
                    };
                    if let Some(ty) = ty {
                        self.add(&mut plan[place].selected, base_name(&ty.base), &field.node.selection_set.node);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.add(plan, on, &fragment.node.selection_set.node);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map_or(parent, |on| &on.node.on.node);
                    self.add(plan, on, &fragment.node.selection_set.node);
                }
            }
        }
    }
}

impl Shape {
    /// Of an operation of a valid document.
    pub(super) fn of(types: &SchemaTypes, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut builder = ShapeBuilder { types, document, merges: false };
        let mut plan = Vec::new();
        if let Some(root) = types.root(operation.ty) {
            builder.add(&mut plan, root, &operation.selection_set.node);
        }
        Self { plan, allows_direct_json: !builder.merges }
    }

    /// Whether objects can be written where they are selected, as nothing else is selected of them elsewhere.
    pub fn allows_direct_json(&self) -> bool {
        self.allows_direct_json
    }

    /// Shapes a response of the operation.
    pub fn apply(&self, response: &mut Response) {
        let plan = &self.plan;
        let mut path = Vec::new();
        if let Value::Object(fields) = &mut response.data {
            let errors = &response.errors;
            if shape_object(plan, fields, errors, &mut path).is_err() {
                response.data = Value::Null;
            }
        } else if response.data == Value::Null && response.errors.iter().any(|error| !error.path.is_empty()) {
            // Every field of the operation failed, so the executor gave no object at all.
            let mut fields = IndexMap::new();
            if shape_object(plan, &mut fields, &response.errors, &mut path).is_ok() {
                response.data = Value::Object(fields);
            }
        }
    }
}

/// `path` is kept only while there are errors to compare it with.
fn shape_object(
    plan: &[ShapeField],
    fields: &mut IndexMap<Name, Value>,
    errors: &[ServerError],
    path: &mut Vec<PathSegment>,
) -> Result<(), Forbidden> {
    for field in plan {
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
                if ty.nullable { Ok(()) } else { Err(Forbidden) }
            }
            // Skipped by a directive, or of another type.
            None => Ok(()),
        };
        path.pop();
        shaped?;
    }
    let in_order =
        plan.iter().filter(|field| fields.contains_key(&field.key)).map(|field| &field.key).eq(fields.keys());
    if !in_order {
        let mut given = std::mem::take(fields);
        fields.extend(plan.iter().filter_map(|field| given.swap_remove_entry(&field.key)));
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
) -> Result<(), Forbidden> {
    let shaped = match (&ty.base, &mut *value) {
        (_, Value::Null) => Err(Forbidden),
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
        Err(Forbidden) if ty.nullable => {
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
