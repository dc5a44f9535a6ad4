//! What has a part in what a subscription tells of each update.

use std::{
    collections::{BTreeSet, HashSet},
    convert::Infallible,
};

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};

use super::types::SchemaTypes;

/// A look at every part of a subscription once, without following fragments. Of other operations nothing is told.
#[derive(Debug, Default)]
pub(super) struct UpdateVariables {
    /// The fields of the operation itself, by the keys they answer under.
    pub root_fields: usize,
    /// Variables used anywhere but in the arguments of root fields, which choose updates.
    pub variables: HashSet<Name>,
}

impl UpdateVariables {
    pub fn of(types: &SchemaTypes, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut walk = Walk::default();
        if operation.ty == OperationType::Subscription {
            let root = types.root(operation.ty);
            walk.directives(&operation.directives);
            walk.set(&operation.selection_set.node, true);
            for fragment in document.fragments.values().map(|fragment| &fragment.node) {
                walk.directives(&fragment.directives);
                let on = &fragment.type_condition.node.on.node;
                walk.set(&fragment.selection_set.node, root == Some(on));
            }
        }
        Self { root_fields: walk.root_keys.len(), variables: walk.variables }
    }
}

#[derive(Default)]
struct Walk<'a> {
    root_keys: BTreeSet<&'a Name>,
    variables: HashSet<Name>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, root: bool) {
        for selected in set.items.iter().map(|item| &item.node) {
            self.directives(selected.directives());
            match selected {
                Selection::Field(field) => {
                    if root {
                        self.root_keys.insert(&field.node.response_key().node);
                    } else {
                        self.arguments(&field.node.arguments);
                    }
                    self.set(&field.node.selection_set.node, false);
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node, root),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        directives.iter().for_each(|directive| self.arguments(&directive.node.arguments));
    }

    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        for (_, value) in arguments {
            // Made constant only for the look at every variable in it.
            let _ = value.node.clone().into_const_with(|name| {
                self.variables.insert(name);
                Ok::<_, Infallible>(ConstValue::Null)
            });
        }
    }
}
