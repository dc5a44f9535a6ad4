//! Visits the selections of a document, and resolves fragments and the types of fields on the way.
//!
//! Code that looks at each field or fragment by itself, or builds something on the way down, is a [`Visitor`]. `measure`
//! and `cost` are folds instead: each computes a result per fragment from the results below it, and reuses it for every
//! spread. `JsonPlan` is a fold too: it runs for each execution, and stops at the first field that it cannot write.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet, Type,
    },
};

use super::{
    limits::MAX_NESTING,
    types::{SchemaTypes, base_name},
};

/// A selected field and its place in the schema.
pub(super) struct SelectedField<'a> {
    pub field: &'a Field,
    /// The type that the field is selected on; `None` within introspection.
    pub parent: Option<&'a Name>,
    /// The type of the field; `None` for introspection.
    pub ty: Option<&'a Type>,
}

/// What is called for the parts of a document, in the order in which they are written.
pub(super) trait Visitor<'a> {
    /// Whether a fragment is visited at each of its spreads. Otherwise it is visited once: its type condition is the
    /// parent type of what it selects, wherever it is spread.
    const EACH_SPREAD: bool = false;

    /// Called with the directives of operations, selections and fragment definitions.
    fn directives(&mut self, _directives: &'a [Positioned<Directive>]) {}

    /// Called before what a fragment selects.
    fn fragment(&mut self, _name: &'a Name, _fragment: &'a Positioned<FragmentDefinition>) {}

    /// Called before what a field selects; returns whether to visit that.
    fn enter_field(&mut self, field: SelectedField<'a>) -> bool;

    /// Called after what a field selects, if that was visited.
    fn leave_field(&mut self) {}
}

/// Visits every operation of a document, then the fragments that none of them spreads.
pub(super) fn visit_document<'a, V: Visitor<'a>>(
    types: &'a SchemaTypes,
    document: &'a ExecutableDocument,
    visitor: V,
) -> V {
    let mut traversal = Traversal::new(types, document, visitor);
    for (_, operation) in document.operations.iter() {
        traversal.operation(&operation.node);
    }
    for name in document.fragments.keys() {
        if !traversal.visited.contains(name) {
            traversal.fragment(name, 1);
        }
    }
    traversal.visitor
}

/// Visits one operation of a document and the fragments that it spreads.
pub(super) fn visit_operation<'a, V: Visitor<'a>>(
    types: &'a SchemaTypes,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    visitor: V,
) -> V {
    let mut traversal = Traversal::new(types, document, visitor);
    traversal.operation(operation);
    traversal.visitor
}

struct Traversal<'a, V> {
    types: &'a SchemaTypes,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    visited: HashSet<&'a Name>,
    visitor: V,
}

impl<'a, V: Visitor<'a>> Traversal<'a, V> {
    fn new(types: &'a SchemaTypes, document: &'a ExecutableDocument, visitor: V) -> Self {
        Self { types, fragments: &document.fragments, visited: HashSet::new(), visitor }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) {
        self.visitor.directives(&operation.directives);
        self.selections(&operation.selection_set.node, self.types.root(operation.ty), 1);
    }

    /// Visits a selection set at this level of nesting. Documents that are nested more deeply than [`MAX_NESTING`] are
    /// refused by `measure`; the check here bounds the recursion for all others.
    fn selections(&mut self, set: &'a SelectionSet, parent: Option<&'a Name>, level: usize) {
        if level > MAX_NESTING {
            return;
        }
        for selection in set.items.iter().map(|item| &item.node) {
            self.visitor.directives(selection.directives());
            match selection {
                Selection::Field(field) => self.field(&field.node, parent, level),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level + 1),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map(|condition| &condition.node.on.node).or(parent);
                    self.selections(&fragment.node.selection_set.node, on, level + 1);
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field, parent: Option<&'a Name>, level: usize) {
        let ty = parent.and_then(|parent| self.types.field(parent, &field.name.node));
        if self.visitor.enter_field(SelectedField { field, parent, ty }) {
            self.selections(&field.selection_set.node, ty.map(|ty| base_name(&ty.base)), level + 1);
            self.visitor.leave_field();
        }
    }

    /// Visits a fragment where it is spread. Validation reports spreads of fragments that do not exist.
    fn fragment(&mut self, name: &'a Name, level: usize) {
        let Some((name, fragment)) = self.fragments.get_key_value(name) else { return };
        if !self.visited.insert(name) && !V::EACH_SPREAD {
            return;
        }
        self.visitor.fragment(name, fragment);
        self.visitor.directives(&fragment.node.directives);
        let on = &fragment.node.type_condition.node.on.node;
        self.selections(&fragment.node.selection_set.node, Some(on), level);
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// Records each field with the type that it is selected on.
    #[derive(Default)]
    struct Recorder<const EACH: bool>(Vec<String>);

    impl<'a, const EACH: bool> Visitor<'a> for Recorder<EACH> {
        const EACH_SPREAD: bool = EACH;

        fn enter_field(&mut self, field: SelectedField<'a>) -> bool {
            let parent = field.parent.map_or("?", Name::as_str);
            self.0.push(format!("{parent}.{}", field.field.name.node));
            true
        }
    }

    fn fields<const EACH: bool>(document: &str) -> Vec<String> {
        let types = SchemaTypes::new(&crate::graphql::sdl());
        visit_document(&types, &parse_query(document).unwrap(), Recorder::<EACH>::default()).0
    }

    #[test]
    fn fields_are_visited_in_order_with_their_parent_types() {
        let document =
            "{ me { ... { id } ...F } __schema { types { name } } } fragment F on User { orders { nodes { total } } }";
        let expected = [
            "Query.me",
            "User.id",
            "User.orders",
            "OrderConnection.nodes",
            "Order.total",
            "Query.__schema",
            "?.types",
            "?.name",
        ];
        assert_eq!(fields::<false>(document), expected);
    }

    #[test]
    fn a_fragment_is_visited_once_or_at_each_spread() {
        let document = "{ me { ...F ...F } } fragment F on User { id } fragment Unused on Order { id }";
        assert_eq!(fields::<false>(document), ["Query.me", "User.id", "Order.id"]);
        assert_eq!(fields::<true>(document), ["Query.me", "User.id", "User.id", "Order.id"]);
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_visited_to_the_nesting_limit() {
        let document = "{ me { ...F } } fragment F on User { id ...F }";
        assert_eq!(fields::<false>(document).len(), 2);
        assert!(fields::<true>(document).len() <= 1 + MAX_NESTING);
    }
}
