//! What operations cost.

use async_graphql::Variables;
use serde_json::{Value, json};

use super::*;
use crate::graphql::{
    engine::document::{
        introspection,
        limits::default_limits,
        plan::Plan,
        validator::{ValidDocument, Validator, parse},
    },
    schema::SCALARS,
};

fn types() -> SchemaTypes {
    SchemaTypes::new(&crate::graphql::sdl(), SCALARS).unwrap()
}

/// The cost of an operation with these variables, whatever the limits allow.
fn cost_with(document: &str, variables: Value) -> u64 {
    let types = types();
    let variables = Variables::from_json(variables);
    let validator = Validator { introspection: true };
    let ValidDocument { document, arguments } = validator.validate(&types, &parse(document).unwrap()).unwrap();
    let operation = document.operations.get(None).unwrap();
    let condition = |name: &str| Some(variables.get(name) == Some(&async_graphql::Value::Boolean(true)));
    let plan = Plan::new(&types, &document, &arguments, operation, condition, usize::MAX).unwrap();
    let introspection = introspection::points(&types, &plan.fields, default_limits().cost);
    let rules = CostRules::new(types.schema()).unwrap();
    Cost::new(&rules, operation.object_type(), &plan.fields, introspection).value(&variables)
}

fn cost(document: &str) -> u64 {
    cost_with(document, json!({}))
}

#[test]
fn the_documentation_is_what_the_code_says() {
    let committed = include_str!("../../../../../docs/cost.md");
    assert!(
        committed == super::document(&crate::graphql::sdl(), default_limits().cost, 8 * 1024 * 1024).unwrap(),
        "write it anew: orderwire schema --costs > docs/cost.md"
    );
}

#[test]
fn fields_and_pages() {
    for (expected, document) in [
        (0, "{ __typename }"),
        (1, "{ me { id name email } }"),
        (1, "{ product(id: 1) { id price { amount currencyCode } tags } }"),
        (1 + 20, "{ products { nodes { id price { amount } } pageInfo { endCursor } } }"),
        (1 + 20, "{ products { edges { cursor node { id } } } }"),
        (1 + 40, "{ products { edges { node { id } } nodes { id } } }"),
        (1, "{ products { pageInfo { endCursor } } }"),
        (1 + 10, "{ products(first: 100) { totalCount } }"),
        (1 + 7, "{ products(first: 7) { nodes { id } } }"),
        (1 + 7, "{ products(last: 7) { nodes { id } } }"),
        (1, "{ products(first: 0) { nodes { id } } }"),
        (1 + 20, "{ products(first: null, last: null) { nodes { id } } }"),
        // Refused later, with a better reason.
        (1 + 100, "{ products(first: 2000000000) { nodes { id } } }"),
        (1, "{ products(first: -5) { nodes { id } } }"),
        (1 + 2, "{ products(filter: { ids: [1, 2] }) { nodes { id } } }"),
        (1 + 1, "{ products(first: 1, filter: { ids: [1, 2] }) { nodes { id } } }"),
        (1 + 1, "{ products(filter: { ids: [1, 2], skus: \"A\" }) { nodes { id } } }"),
        (1 + 10 + 20, "{ products(filter: { search: \"red\" }) { nodes { id } } }"),
        (1 + 20, "{ products(filter: { search: null }) { nodes { id } } }"),
        (10 + 10, "{ trendingProducts { id } }"),
        (10 + 3, "{ trendingProducts(first: 3) { id } }"),
        (1 + 20 * (1 + 1), "{ orders { nodes { id customer { name } } } }"),
        (1 + 20 * (1 + 20 * 2), "{ orders { nodes { items { sku product { id } } } } }"),
        (1 + 20 * (1 + 5 * 2), "{ orders { nodes { history { to actor { id } } } } }"),
        (1 + (1 + 5 * (1 + 1 + 10)), "{ me { orders(first: 5) { nodes { tasks { totalCount } } } } }"),
        (
            1 + 100 * (1 + 1 + 20 * 2 + 1 + 5),
            "{ orders(first: 100) { nodes { customer { id } items { product { id } } tasks(first: 5) { nodes { id } } } } }",
        ),
        (100 + 1, "mutation { createTask(input: { title: \"a\" }) { task { id } userErrors { code } } }"),
        (
            100 + 2 * 20 + 1,
            "mutation { placeOrder(input: { idempotencyKey: \"k\", items: [{ productId: 1, quantity: 1 }, { productId: 2, quantity: 1 }] }) { order { id } } }",
        ),
        (900, "mutation { login(input: { email: \"a\", password: \"b\" }) { userErrors { code } } }"),
        (1 + 1, "subscription { orderUpdates { kind order { id } } }"),
        (3, "subscription { stockUpdates(productIds: [1, 2, 3]) { stock } }"),
        (1, "{ __schema { queryType { name } } }"),
    ] {
        assert_eq!(cost(document), expected, "{document}");
    }
}

#[test]
fn types_count_once_and_fragments_as_often_as_they_are_spread() {
    for (expected, document) in [
        (
            1 + (1 + 20),
            "{ node(id: 1) { id ... on User { orders { nodes { id } } } ... on Order { customer { id } } } }",
        ),
        (
            2 * (1 + 2),
            "{ nodes(ids: [1, 2]) { ... on Order { a: customer { id } b: customer { id } } ... on Task { createdBy { id } } } }",
        ),
        (
            1 + 2,
            "{ node(id: 1) { ...A ... on Node { ...B } } } fragment A on Order { customer { id } } fragment B on Order { c: customer { id } }",
        ),
        (2, "{ a: me { ...F } b: me { ...F } } fragment F on User { name }"),
        (
            (1 + 2) + (1 + 5),
            "{ a: products(first: 2) { ...P } b: products(first: 5) { ...P } } fragment P on ProductConnection { nodes { id } }",
        ),
        (0, "{ me @skip(if: true) { id } ... @include(if: false) { me { id } } }"),
        (1, "{ me @skip(if: false) @include(if: true) { id } }"),
    ] {
        assert_eq!(cost(document), expected, "{document}");
    }
}

#[test]
fn variables_count_with_the_values_they_have() {
    let page = "query ($n: Int, $f: ProductFilter) { products(first: $n, filter: $f) { ...P } } fragment P on ProductConnection { nodes { id } totalCount }";
    let nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let parts = "query ($a: Boolean!, $b: Boolean!) { me { id @skip(if: $a) orders(first: 2) @skip(if: $a) @include(if: $b) { nodes { id } } } }";
    let some_type = "query ($n: Int, $m: Int) { node(id: 1) { ... on User { orders(first: $n) { nodes { id } } } ... on Order { tasks(first: $m) { nodes { id } } } } }";
    for (expected, document, variables) in [
        (1 + 20 + 10, page, json!({})),
        (1 + 20 + 10, page, json!({ "n": null })),
        (1 + 3 + 10, page, json!({ "n": 3 })),
        (1 + 100 + 10, page, json!({ "n": 1_000_000_000_000_u64 })),
        (1 + 10, page, json!({ "n": -1 })),
        (1 + 2 + 10, page, json!({ "f": { "ids": ["a", "b"] } })),
        (1 + 1 + 10, page, json!({ "f": { "ids": "a" } })),
        (1 + 20 + 10 + 10, page, json!({ "f": { "search": "red" } })),
        (0, nodes, json!({ "ids": [] })),
        (3, nodes, json!({ "ids": ["a", "b", "c"] })),
        (1, parts, json!({ "a": true, "b": true })),
        (1, parts, json!({ "a": false, "b": false })),
        (1 + 1 + 2, parts, json!({ "a": false, "b": true })),
        (1 + 1 + 9, some_type, json!({ "n": 9, "m": 2 })),
        (1 + 1 + 20, some_type, json!({ "n": 9 })),
    ] {
        assert_eq!(cost_with(document, variables.clone()), expected, "{document} {variables}");
    }
}

#[test]
fn what_cannot_be_counted_is_as_much_as_can_be() {
    let deep = "{ me { ".to_owned()
        + &"orders(first: 100) { nodes { customer { ".repeat(12)
        + "id"
        + &" } } }".repeat(12)
        + " } }";
    assert_eq!(cost(&deep), u64::MAX);
}

#[test]
fn what_front_ends_ask_for_is_allowed() {
    let limit = default_limits().cost as u64;
    let nested = include_str!("../../../../../benches/nested-query.graphql");
    assert!(cost_with(nested, json!({ "first": 100 })) < limit);
    assert_eq!(cost_with(nested, json!({ "first": 20 })), 961);
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/src/examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "graphql") {
            let cost = cost(&std::fs::read_to_string(&path).unwrap());
            assert!(cost < limit / 10, "{}: {cost}", path.display());
        }
    }
}

#[test]
fn every_mutation_has_a_cost() {
    let types = types();
    let schema = types.schema();
    let rules = CostRules::new(schema).unwrap();
    let free = schema
        .get_object("Mutation")
        .unwrap()
        .fields
        .keys()
        .filter(|field| rules.fields["Mutation"][*field].price == 0);
    assert_eq!(free.collect::<Vec<_>>(), Vec::<&apollo_compiler::Name>::new());
}
