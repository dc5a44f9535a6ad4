//! Finds where an operation uses its variables.

use std::collections::HashSet;

use apollo_compiler::{
    ast::{DirectiveList, Value},
    executable::{ExecutableDocument, Operation, Selection},
};
use async_graphql::Name;

use super::{collect::Condition, walk::Walk};

/// The variables of an operation by their use.
#[derive(Debug, Default)]
pub(super) struct VariableUses {
    /// The variables that `@skip` and `@include` read, each once, in the order of the document. An operation has one plan
    /// for each combination of their values.
    pub conditions: Vec<Name>,
    /// Variables used anywhere except in the arguments of root fields. The content of a subscription's updates depends on
    /// them; the arguments of its root field only choose the updates.
    pub below_root: HashSet<Name>,
}

impl VariableUses {
    /// Finds the uses in an operation of a valid document, and in the fragments that it spreads. A fragment that is spread
    /// at the root and below is on the type of the root, so it can't be.
    pub fn new(document: &ExecutableDocument, operation: &Operation) -> Self {
        let mut uses = Self::default();
        Walk::new(document).operation(operation, |selection, root| {
            uses.add_conditions(selection.directives());
            if let (Selection::Field(field), false) = (selection, root) {
                field.arguments.iter().for_each(|argument| uses.add_below_root(&argument.value));
            }
        });
        uses
    }

    fn add_conditions(&mut self, directives: &DirectiveList) {
        for condition in directives.iter().filter_map(|directive| Condition::of_directive(directive)) {
            if let Value::Variable(name) = condition.value {
                let name = Name::new(name);
                if !self.conditions.contains(&name) {
                    self.conditions.push(name.clone());
                }
                self.below_root.insert(name);
            }
        }
    }

    fn add_below_root(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => {
                self.below_root.insert(Name::new(name));
            }
            Value::List(items) => items.iter().for_each(|item| self.add_below_root(item)),
            Value::Object(fields) => fields.iter().for_each(|(_, value)| self.add_below_root(value)),
            _ => {}
        }
    }
}
