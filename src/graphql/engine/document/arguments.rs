//! Checks arguments that contain variables, like `{ orderId: $order, note: "fragile" }`. The library validates without
//! variables, and skips such values entirely; this check covers everything in them but the variables themselves, whose
//! types the library compares.

use async_graphql::{ServerError, parser::types::ExecutableDocument};

use super::{
    request::RequestErrors,
    types::SchemaTypes,
    values::{ValuePath, type_mismatch, with_open_variables},
    visit::{SelectedField, Visitor, visit_document},
};
use crate::graphql::engine::{code, error::refusal};

/// Returns every error in the arguments of a document that the library found valid.
pub(super) fn check(types: &SchemaTypes, document: &ExecutableDocument) -> Result<(), RequestErrors> {
    let ArgumentErrors { errors, .. } = visit_document(types, document, ArgumentErrors { types, errors: Vec::new() });
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Collects the errors in the arguments of each field.
struct ArgumentErrors<'a> {
    types: &'a SchemaTypes,
    errors: Vec<ServerError>,
}

impl<'a> Visitor<'a> for ArgumentErrors<'a> {
    fn enter_field(&mut self, SelectedField { field, parent, .. }: SelectedField<'a>) -> bool {
        let Some(parent) = parent else { return false };
        for (argument, value) in &field.arguments {
            let Some(ty) = self.types.argument(parent, &field.name.node, &argument.node) else { continue };
            let path = ValuePath::new(&argument.node);
            if let Some(reason) = type_mismatch(self.types, ty, &with_open_variables(&value.node), &path) {
                let mut error = refusal(code::BAD_USER_INPUT, format!("Invalid value for argument {reason}"));
                error.locations.push(value.pos);
                self.errors.push(error);
            }
        }
        true
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
    fn arguments_are_checked_except_for_their_variables() {
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
    fn each_argument_of_a_document_is_checked_once() {
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
