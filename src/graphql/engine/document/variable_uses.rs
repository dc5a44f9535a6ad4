//! Finds where an operation uses its variables.

use std::collections::HashSet;

use apollo_compiler::{
    Name as DocumentName,
    ast::{DirectiveList, Value},
    executable::{ExecutableDocument, Operation, Selection, SelectionSet},
};
use async_graphql::Name;

use super::collect::Condition;

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
    /// Finds the uses in an operation of a valid document, and in the fragments that it spreads.
    pub fn new(document: &ExecutableDocument, operation: &Operation) -> Self {
        let mut finder = Finder { document, uses: Self::default(), spread: HashSet::new() };
        finder.selections(&operation.selection_set, true);
        finder.uses
    }
}

struct Finder<'a> {
    document: &'a ExecutableDocument,
    uses: VariableUses,
    /// Fragments that were visited. One that is spread at the root and below is on the type of the root, so it can't be.
    spread: HashSet<&'a DocumentName>,
}

impl<'a> Finder<'a> {
    fn selections(&mut self, set: &'a SelectionSet, root: bool) {
        for selection in &set.selections {
            self.conditions(selection.directives());
            match selection {
                Selection::Field(field) => {
                    if !root {
                        field.arguments.iter().for_each(|argument| self.below_root(&argument.value));
                    }
                    self.selections(&field.selection_set, false);
                }
                Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set, root),
                Selection::FragmentSpread(fragment) => {
                    if self.spread.insert(&fragment.fragment_name)
                        && let Some(fragment) = fragment.fragment_def(self.document)
                    {
                        self.selections(&fragment.selection_set, root);
                    }
                }
            }
        }
    }

    fn conditions(&mut self, directives: &DirectiveList) {
        for condition in directives.iter().filter_map(|directive| Condition::of_directive(directive)) {
            if let Value::Variable(name) = condition.value {
                let name = Name::new(name);
                if !self.uses.conditions.contains(&name) {
                    self.uses.conditions.push(name.clone());
                }
                self.uses.below_root.insert(name);
            }
        }
    }

    fn below_root(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => {
                self.uses.below_root.insert(Name::new(name));
            }
            Value::List(items) => items.iter().for_each(|item| self.below_root(item)),
            Value::Object(fields) => fields.iter().for_each(|(_, value)| self.below_root(value)),
            _ => {}
        }
    }
}
