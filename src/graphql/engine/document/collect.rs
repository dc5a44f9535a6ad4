//! Collects the fields of an object: <https://spec.graphql.org/September2025/#sec-Field-Collection>.

use std::collections::HashSet;

use apollo_compiler::{
    Name, Node,
    ast::{Directive, DirectiveList, Value},
    executable::{ExecutableDocument, Field, Selection, SelectionSet},
};
use async_graphql::indexmap::IndexMap;

use super::types::SchemaTypes;

/// The fields of an object by response key, in the order of the result. All fields of a key are the same field with the
/// same arguments, as validation ensures.
pub(super) type CollectedFields<'a> = IndexMap<&'a Name, Vec<&'a Node<Field>>>;

/// Collects fields with these values of the variables that `@skip` and `@include` read.
pub(super) struct FieldCollector<'a, C> {
    pub types: &'a SchemaTypes,
    pub document: &'a ExecutableDocument,
    /// The value of the condition variable with this name; `None` to include what depends on it.
    pub condition: C,
}

impl<'a, C: Fn(&str) -> Option<bool>> FieldCollector<'a, C> {
    /// The fields that the selection sets select of an object of this type.
    pub fn collect(&self, object: &str, sets: impl IntoIterator<Item = &'a SelectionSet>) -> CollectedFields<'a> {
        let mut collected = CollectedFields::default();
        let mut spread = HashSet::new();
        for set in sets {
            self.add(object, set, &mut spread, &mut collected);
        }
        collected
    }

    fn add(
        &self,
        object: &str,
        set: &'a SelectionSet,
        spread: &mut HashSet<&'a Name>,
        collected: &mut CollectedFields<'a>,
    ) {
        for selection in &set.selections {
            if !self.includes(selection.directives()) {
                continue;
            }
            let below = match selection {
                Selection::Field(field) => {
                    collected.entry(field.response_key()).or_default().push(field);
                    continue;
                }
                Selection::FragmentSpread(fragment) if !spread.insert(&fragment.fragment_name) => continue,
                Selection::FragmentSpread(fragment) => match fragment.fragment_def(self.document) {
                    Some(fragment) => &fragment.selection_set,
                    None => continue,
                },
                Selection::InlineFragment(fragment) => &fragment.selection_set,
            };
            if self.types.is_a(object, &below.ty) {
                self.add(object, below, spread, collected);
            }
        }
    }

    /// Whether the directives of a selection let it through.
    fn includes(&self, directives: &DirectiveList) -> bool {
        directives.iter().filter_map(|directive| Condition::of_directive(directive)).all(|condition| {
            let given = match condition.value {
                Value::Variable(name) => (self.condition)(name),
                value => Some(*value == Value::Boolean(true)),
            };
            given.is_none_or(|given| given == condition.includes)
        })
    }
}

/// What `@skip` or `@include` reads.
pub(super) struct Condition<'a> {
    pub value: &'a Value,
    /// The value with which the selection is included.
    includes: bool,
}

impl<'a> Condition<'a> {
    /// The condition of a directive; `None` if it is another directive.
    pub fn of_directive(directive: &'a Directive) -> Option<Self> {
        let includes = match directive.name.as_str() {
            "include" => true,
            "skip" => false,
            _ => return None,
        };
        Some(Self { value: directive.specified_argument_by_name("if")?, includes })
    }
}
