//! Gives results the shape that the GraphQL specification asks for, where the executor leaves it open: fields in the
//! order in which they were selected (section 7.2.2), a null for a field that failed, and its parent in its place where
//! the schema allows no null (section 6.4.4).

use std::collections::HashMap;

use async_graphql::{
    Name, PathSegment, Positioned, Request, Response, ServerError, Value,
    indexmap::IndexMap,
    parser::{
        parse_schema,
        types::{
            BaseType, DocumentOperations, ExecutableDocument, FieldDefinition, OperationDefinition, OperationType,
            Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

use super::plain::is_raw;

/// Fields of an operation that are planned for. A document can blow up by spreading fragments; past this bound its
/// results stay as the executor made them.
const MAX_FIELDS: usize = 10_000;
/// Levels that are planned for.
const MAX_LEVELS: usize = 64;

/// The types of the fields of every object and interface.
pub(super) struct Shapes(HashMap<Name, HashMap<Name, Type>>);

/// What a selection set makes: its fields in order.
type Plan = Vec<Field>;

/// A selected field.
struct Field {
    key: Name,
    /// `None` for introspection, which the executor shapes right.
    ty: Option<Type>,
    selected: Plan,
}

/// The shape of one operation's results.
#[derive(Default)]
pub(super) struct Shape {
    plan: Option<Plan>,
    /// Whether no object is selected twice, its selections to be merged.
    is_plain: bool,
}

/// A null where the schema allows none: the parent has to be null instead.
struct Forbidden;

impl Shapes {
    /// The shapes of a schema in the schema definition language; every schema of ours parses.
    pub fn new(sdl: &str) -> Self {
        let fields = |fields: Vec<Positioned<FieldDefinition>>| {
            fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node)).collect()
        };
        let definitions = parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default();
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => match definition.node.kind {
                TypeKind::Object(object) => Some((definition.node.name.node, fields(object.fields))),
                TypeKind::Interface(interface) => Some((definition.node.name.node, fields(interface.fields))),
                _ => None,
            },
            _ => None,
        });
        Self(types.collect())
    }

    /// The shape of the operation that `request` runs.
    pub fn of(&self, request: &mut Request) -> Shape {
        let name = request.operation_name.clone();
        let Ok(document) = request.parsed_query() else { return Shape::default() };
        let Some(operation) = operation(document, name.as_deref()) else { return Shape::default() };
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut planner = Planner { types: &self.0, document, left: MAX_FIELDS, merges: false };
        let mut plan = Plan::new();
        let planned = planner.add(&mut plan, root, &operation.node.selection_set.node, MAX_LEVELS);
        Shape { plan: planned.map(|()| plan), is_plain: planned.is_some() && !planner.merges }
    }
}

/// The operation of a document that is asked for; without a name, the only one.
pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        _ => None,
    }
}

struct Planner<'a> {
    types: &'a HashMap<Name, HashMap<Name, Type>>,
    document: &'a ExecutableDocument,
    left: usize,
    /// Whether an object was selected again.
    merges: bool,
}

impl Planner<'_> {
    /// Adds what `set` selects of the type `parent`; `None` past the bounds.
    fn add(&mut self, plan: &mut Plan, parent: &str, set: &SelectionSet, levels: usize) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        for selection in &set.items {
            self.left = self.left.checked_sub(1)?;
            match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    let ty = self.types.get(parent).and_then(|fields| fields.get(&field.node.name.node)).cloned();
                    let below = ty.as_ref().map(|ty| base_name(&ty.base).clone());
                    let place = match plan.iter().position(|planned| planned.key == *key) {
                        Some(place) => {
                            self.merges |= !field.node.selection_set.node.items.is_empty();
                            place
                        }
                        None => {
                            plan.push(Field { key: key.clone(), ty, selected: Plan::new() });
                            plan.len() - 1
                        }
                    };
                    if let Some(below) = below {
                        self.add(&mut plan[place].selected, &below, &field.node.selection_set.node, levels)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.add(plan, on, &fragment.node.selection_set.node, levels)?;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map_or(parent, |on| &on.node.on.node);
                    self.add(plan, on, &fragment.node.selection_set.node, levels)?;
                }
            }
        }
        Some(())
    }
}

fn base_name(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base_name(&item.base),
    }
}

impl Shape {
    /// Whether objects can be written where they are selected, as nothing else is selected of them elsewhere.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Shapes a response of the operation.
    pub fn apply(&self, response: &mut Response) {
        let Some(plan) = &self.plan else { return };
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
    plan: &Plan,
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
    selected: &Plan,
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
