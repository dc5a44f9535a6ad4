//! Checks that every variable may stand where it does:
//! <https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed>. The validator checks variables that are a
//! whole argument; this check covers those within lists and input objects, and counts a default of null as none.

use std::collections::HashMap;

use apollo_compiler::{
    Name, Node,
    ast::{Argument, InputValueDefinition, Type, Value, VariableDefinition},
    executable::{ExecutableDocument, Operation, Selection},
    schema::ExtendedType,
};
use async_graphql::ServerError;

use super::{position::Positions, types::SchemaTypes, walk::Walk};
use crate::graphql::engine::{code, error::refusal};

/// Returns every error in the variables of an operation, and of the fragments that it spreads.
pub(super) fn check(
    types: &SchemaTypes,
    document: &ExecutableDocument,
    positions: &Positions<'_>,
    operation: &Operation,
) -> Vec<ServerError> {
    let variables = operation.variables.iter().map(|variable| (&variable.name, variable)).collect();
    let mut check = Check { types, positions, variables, errors: Vec::new() };
    Walk::new(document).operation(operation, |selection, _| check.selection(selection));
    check.errors
}

struct Check<'a> {
    types: &'a SchemaTypes,
    positions: &'a Positions<'a>,
    variables: HashMap<&'a Name, &'a Node<VariableDefinition>>,
    errors: Vec<ServerError>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Location<'a> {
    ty: &'a Type,
    /// Whether the argument or input field has a default.
    has_default: bool,
    /// Whether it is the field of an input object of which exactly one is given.
    one_of: bool,
}

impl<'a> Check<'a> {
    fn selection(&mut self, selection: &'a Selection) {
        for directive in selection.directives().iter() {
            if let Some(definition) = self.types.schema().directive_definitions.get(&directive.name) {
                self.arguments(&directive.arguments, |name| definition.argument_by_name(name));
            }
        }
        if let Selection::Field(field) = selection {
            self.arguments(&field.arguments, |name| field.definition.argument_by_name(name));
        }
    }

    fn arguments<'d>(
        &mut self,
        arguments: &[Node<Argument>],
        definition: impl Fn(&str) -> Option<&'d Node<InputValueDefinition>>,
    ) {
        for argument in arguments {
            if let Some(definition) = definition(&argument.name) {
                let has_default = definition.default_value.is_some();
                self.value(&argument.value, Location { ty: &definition.ty, has_default, one_of: false });
            }
        }
    }

    fn value(&mut self, value: &Node<Value>, location: Location<'_>) {
        match &**value {
            Value::Variable(name) => {
                if let Some(variable) = self.variables.get(name)
                    && !is_allowed(variable, location)
                {
                    let (ty, expected) = (&variable.ty, location.ty);
                    let message = format!(
                        "Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{expected}\"."
                    );
                    let mut error = refusal(code::BAD_USER_INPUT, message);
                    error.locations.push(self.positions.of(value.location()));
                    self.errors.push(error);
                }
            }
            Value::List(items) => {
                let ty = location.ty.item_type();
                items.iter().for_each(|item| self.value(item, Location { ty, has_default: false, one_of: false }));
            }
            Value::Object(fields) => {
                let types = self.types;
                let input = types.schema().types.get(location.ty.inner_named_type());
                let Some(ExtendedType::InputObject(input)) = input else { return };
                let one_of = input.directives.has("oneOf");
                for (name, value) in fields {
                    if let Some(field) = input.fields.get(name) {
                        let has_default = field.default_value.is_some();
                        self.value(value, Location { ty: &field.ty, has_default, one_of });
                    }
                }
            }
            _ => {}
        }
    }
}

/// `IsVariableUsageAllowed` of the specification.
fn is_allowed(variable: &VariableDefinition, location: Location<'_>) -> bool {
    let Location { ty, has_default, one_of } = location;
    if variable.ty.is_non_null() || !(ty.is_non_null() || one_of) {
        return variable.ty.is_assignable_to(ty);
    }
    let has_value = variable.default_value.as_ref().is_some_and(|default| **default != Value::Null);
    !one_of && (has_value || has_default) && variable.ty.is_assignable_to(&ty.clone().nullable())
}
