//! Finds what the updates of a subscription depend on.

use std::{
    collections::{BTreeSet, HashSet},
    convert::Infallible,
};

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, OperationType},
};
use async_graphql_value::{ConstValue, Value};

use super::{
    types::SchemaTypes,
    visit::{SelectedField, Visitor, visit_operation},
};

/// The root fields of a subscription, and the variables that the content of its updates depends on. Empty for queries
/// and mutations.
#[derive(Debug, Default)]
pub(super) struct UpdateVariables {
    /// Number of root fields with different response keys.
    pub root_fields: usize,
    /// Variables used anywhere except in the arguments of root fields, which only choose the events.
    pub variables: HashSet<Name>,
}

impl UpdateVariables {
    pub fn new(types: &SchemaTypes, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        if operation.ty != OperationType::Subscription {
            return Self::default();
        }
        let collector =
            Collector { root: types.root(operation.ty), root_keys: BTreeSet::new(), variables: HashSet::new() };
        let Collector { root_keys, variables, .. } = visit_operation(types, document, operation, collector);
        Self { root_fields: root_keys.len(), variables }
    }
}

struct Collector<'a> {
    root: Option<&'a Name>,
    root_keys: BTreeSet<&'a Name>,
    variables: HashSet<Name>,
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        directives.iter().for_each(|directive| self.arguments(&directive.node.arguments));
    }

    fn enter_field(&mut self, SelectedField { field, parent, .. }: SelectedField<'a>) -> bool {
        if parent == self.root {
            self.root_keys.insert(&field.response_key().node);
        } else {
            self.arguments(&field.arguments);
        }
        true
    }
}

impl Collector<'_> {
    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        for (_, value) in arguments {
            // The conversion to a constant calls the closure for each variable; its result is not needed.
            let _ = value.node.clone().into_const_with(|name| {
                self.variables.insert(name);
                Ok::<_, Infallible>(ConstValue::Null)
            });
        }
    }
}
