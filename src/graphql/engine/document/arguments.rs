//! Arguments that have variables among their parts, like `{ orderId: $order, note: "fragile" }`. The library's validation,
//! which runs without variables, passes over all of such a value; here everything is looked at but the variables, whose
//! types it compares.

use async_graphql::{
    Name, ServerError,
    parser::types::{ExecutableDocument, Field, Selection, SelectionSet},
};

use super::{
    types::{SchemaTypes, base_name},
    values::{Path, fault, known},
};
use crate::graphql::engine::{code, error::refusal};

/// Fails with all that is wrong with the arguments of a document that is otherwise valid.
pub(super) fn check(types: &SchemaTypes, document: &ExecutableDocument) -> Result<(), Vec<ServerError>> {
    let mut walk = Walk { types, errors: Vec::new() };
    for (_, operation) in document.operations.iter() {
        if let Some(root) = types.root(operation.node.ty) {
            walk.set(root, &operation.node.selection_set.node);
        }
    }
    for fragment in document.fragments.values() {
        walk.set(&fragment.node.type_condition.node.on.node, &fragment.node.selection_set.node);
    }
    if walk.errors.is_empty() { Ok(()) } else { Err(walk.errors) }
}

/// A look at every selection once, without following fragments.
struct Walk<'a> {
    types: &'a SchemaTypes,
    errors: Vec<ServerError>,
}

impl Walk<'_> {
    fn set(&mut self, parent: &Name, set: &SelectionSet) {
        for selected in set.items.iter().map(|item| &item.node) {
            match selected {
                Selection::Field(field) => self.field(parent, &field.node),
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map_or(parent, |on| &on.node.on.node);
                    self.set(on, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn field(&mut self, parent: &Name, field: &Field) {
        let name = &field.name.node;
        for (argument, value) in &field.arguments {
            let Some(ty) = self.types.argument(parent, name, &argument.node) else { continue };
            if let Some(reason) = fault(self.types, ty, &known(&value.node), &Path::of(&argument.node)) {
                let mut error = refusal(code::BAD_USER_INPUT, format!("Invalid value for argument {reason}"));
                error.locations.push(value.pos);
                self.errors.push(error);
            }
        }
        if let Some(ty) = self.types.field(parent, name) {
            self.set(base_name(&ty.base), &field.selection_set.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn faults(document: &str) -> Vec<String> {
        let types = SchemaTypes::new(&crate::graphql::sdl());
        let checked = check(&types, &parse_query(document).unwrap());
        checked.err().unwrap_or_default().into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn what_is_known_of_an_argument_is_checked_and_variables_are_left_open() {
        let place = |input: &str| {
            faults(&format!(
                "mutation ($p: ID!, $n: Int!, $k: String!) {{ placeOrder(input: {input}) {{ replayed }} }}"
            ))
        };
        let none: [&str; 0] = [];
        assert_eq!(place("{ items: [{ productId: $p, quantity: $n }], idempotencyKey: $k }"), none);
        assert_eq!(place("{ items: { productId: $p, quantity: 1 }, idempotencyKey: $k }"), none);
        assert_eq!(place("$p"), none);
        for (input, expected) in [
            (
                "{ items: [{ productId: $p, quantity: 1 }], idempotencyKey: $k, colour: 1 }",
                "\"input\", unknown field \"colour\" of type \"PlaceOrderInput\"",
            ),
            (
                "{ items: [{ productId: $p, quantity: \"1\" }], idempotencyKey: $k }",
                "\"input.items.0.quantity\", expected type \"Int\"",
            ),
            (
                "{ items: [{ productId: $p, quantity: 1 }, { productId: $p }], idempotencyKey: $k }",
                "\"input.items.1\", field \"quantity\" of type \"Int!\" is required but not provided",
            ),
            (
                "{ items: [{ productId: $p, quantity: $n }] }",
                "\"input\", field \"idempotencyKey\" of type \"String!\" is required but not provided",
            ),
        ] {
            assert_eq!(place(input), [format!("Invalid value for argument {expected}")], "{input}");
        }
    }

    #[test]
    fn every_part_of_a_document_is_looked_at_once() {
        let bad = "orders(filter: { customerId: $c, colour: 1 }) { nodes { id } }";
        let documents = [
            format!("query ($c: ID) {{ {bad} }}"),
            format!("query ($c: ID) {{ ... {{ ... on Query {{ {bad} }} }} }}"),
            format!("query A($c: ID) {{ me {{ id }} }} query B($c: ID) {{ {bad} }}"),
            format!("query ($c: ID) {{ ...F ...F }} fragment F on Query {{ {bad} }}"),
            "query ($c: Int) { me { ... on User { orders(first: $c, filter: { statuses: [$c, 1] }) { nodes { id } } } } }".to_owned(),
        ];
        for document in documents {
            assert_eq!(faults(&document).len(), 1, "{document}");
        }
    }
}
