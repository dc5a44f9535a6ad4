//! Writes a plan as the document that the executor takes.

use std::collections::HashMap;

use apollo_compiler::ast::OperationType;
use async_graphql::{
    Name, Pos, Positioned, Variables,
    parser::types::{
        self as parser, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection,
        SelectionSet, TypeCondition,
    },
};

use super::{
    plan::{Plan, PlannedField, PlannedObject, Selected},
    values::substitute,
};
use crate::graphql::engine::json::{TYPE_KEY, place_position};

/// The document of a plan, with the values of the variables in it: it has no fragments but those that tell the types of an
/// interface or union apart, no directives and no variables.
pub(super) fn executable(plan: &Plan, kind: OperationType, variables: &Variables) -> ExecutableDocument {
    let items = plan.fields.iter().map(|field| selected_field(field, variables)).collect();
    let operation = OperationDefinition {
        ty: operation_type(kind),
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: positioned(SelectionSet { items }),
    };
    ExecutableDocument { operations: DocumentOperations::Single(positioned(operation)), fragments: HashMap::new() }
}

/// The library's name of a kind of operation.
pub(super) fn operation_type(kind: OperationType) -> parser::OperationType {
    match kind {
        OperationType::Query => parser::OperationType::Query,
        OperationType::Mutation => parser::OperationType::Mutation,
        OperationType::Subscription => parser::OperationType::Subscription,
    }
}

fn selected_field(field: &PlannedField, variables: &Variables) -> Positioned<Selection> {
    let at = field.position;
    let arguments = field.arguments.iter().filter_map(|(name, value)| {
        Some((Positioned::new(name.clone(), at), Positioned::new(substitute(value, variables)?, at)))
    });
    let selection_set = match &field.selected {
        Selected::Leaf => positioned(SelectionSet::default()),
        Selected::Object(object) => selected_object(object, false, variables),
        Selected::OneOf(objects) => {
            let on = |object: &PlannedObject| {
                let type_condition = TypeCondition { on: positioned(object.type_name.clone()) };
                let fragment = InlineFragment {
                    type_condition: Some(positioned(type_condition)),
                    directives: Vec::new(),
                    selection_set: selected_object(object, true, variables),
                };
                positioned(Selection::InlineFragment(positioned(fragment)))
            };
            positioned(SelectionSet { items: objects.iter().map(on).collect() })
        }
    };
    let node = Field {
        alias: (field.key != field.name).then(|| Positioned::new(field.key.clone(), at)),
        name: Positioned::new(field.name.clone(), at),
        arguments: arguments.collect(),
        directives: Vec::new(),
        selection_set,
    };
    Positioned::new(Selection::Field(Positioned::new(node, at)), at)
}

/// What is selected of an object. Its type is selected as well where the shape of the result depends on it, and where
/// nothing else is selected, since the executor makes null of an object without fields.
fn selected_object(object: &PlannedObject, one_of: bool, variables: &Variables) -> Positioned<SelectionSet> {
    let mut items = Vec::with_capacity(object.fields.len() + 1);
    if one_of || object.fields.is_empty() {
        let node = Field {
            alias: Some(positioned(Name::new(TYPE_KEY))),
            name: positioned(Name::new("__typename")),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: positioned(SelectionSet::default()),
        };
        items.push(positioned(Selection::Field(positioned(node))));
    }
    items.extend(object.fields.iter().map(|field| selected_field(field, variables)));
    Positioned::new(SelectionSet { items }, place_position(object.place))
}

fn positioned<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}
