//! The published schema holds the fixed contract, has descriptions everywhere, and equals `schema.graphql`.

use std::collections::BTreeMap;

use async_graphql::{
    Positioned,
    parser::types::{InputValueDefinition, TypeDefinition, TypeKind},
};

use crate::support::schema::{fields, published, types};

const CONTRACT: &str = include_str!("contract.graphql");
const COMMITTED: &str = include_str!("../../../schema.graphql");

fn inputs(definitions: &[Positioned<InputValueDefinition>]) -> BTreeMap<String, String> {
    let text = |value: &InputValueDefinition| {
        let default = value.default_value.as_ref().map_or(String::new(), |default| format!(" = {}", default.node));
        (value.name.node.to_string(), format!("{}{default}", value.ty.node))
    };
    definitions.iter().map(|value| text(&value.node)).collect()
}

fn input_fields(kind: &TypeKind) -> BTreeMap<String, String> {
    match kind {
        TypeKind::InputObject(input) => inputs(&input.fields),
        _ => BTreeMap::new(),
    }
}

fn enum_values(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Enum(values) => values.values.iter().map(|value| value.node.value.node.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// Definitions of `wanted` that `given` lacks or has differently.
fn missing(name: &str, wanted: &TypeDefinition, given: &TypeDefinition) -> Vec<String> {
    let mut faults = Vec::new();
    if std::mem::discriminant(&wanted.kind) != std::mem::discriminant(&given.kind) {
        faults.push(format!("{name}: of another kind"));
    }
    let given_fields: BTreeMap<_, _> = fields(&given.kind).into_iter().map(|field| (&field.name.node, field)).collect();
    for field in fields(&wanted.kind) {
        let path = format!("{name}.{}", field.name.node);
        let Some(actual) = given_fields.get(&field.name.node) else {
            faults.push(format!("{path}: missing"));
            continue;
        };
        if actual.ty.node.to_string() != field.ty.node.to_string() {
            faults.push(format!("{path}: {} instead of {}", actual.ty.node, field.ty.node));
        }
        if inputs(&actual.arguments) != inputs(&field.arguments) {
            faults.push(format!("{path}: arguments {:?}", inputs(&actual.arguments)));
        }
    }
    let given_inputs = input_fields(&given.kind);
    for (field, ty) in input_fields(&wanted.kind) {
        if given_inputs.get(&field) != Some(&ty) {
            faults.push(format!("{name}.{field}: {:?} instead of {ty}", given_inputs.get(&field)));
        }
    }
    let given_values = enum_values(&given.kind);
    faults.extend(
        enum_values(&wanted.kind)
            .into_iter()
            .filter(|value| !given_values.contains(value))
            .map(|value| format!("{name}.{value}: missing")),
    );
    faults
}

#[test]
fn the_schema_holds_the_fixed_contract() {
    let given = published();
    let faults: Vec<String> = types(CONTRACT)
        .iter()
        .flat_map(|(name, wanted)| match given.get(name) {
            Some(given) => missing(name, wanted, given),
            None => vec![format!("{name}: missing")],
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_list_field_is_a_connection() {
    let given = published();
    for name in ["Product", "User", "Order", "Task"] {
        let connection: BTreeMap<_, _> = fields(&given[&format!("{name}Connection")].kind)
            .into_iter()
            .map(|field| (field.name.node.to_string(), field.ty.node.to_string()))
            .collect();
        assert_eq!(connection["edges"], format!("[{name}Edge!]!"));
        assert_eq!(connection["nodes"], format!("[{name}!]!"));
        assert_eq!(connection["pageInfo"], "PageInfo!");
        assert_eq!(connection["totalCount"], "Int!");
    }
}

#[test]
fn every_type_and_field_is_described() {
    let mut bare = Vec::new();
    for (name, definition) in published() {
        let mut need = |path: String, described: bool| {
            if !described {
                bare.push(path);
            }
        };
        need(name.clone(), definition.description.is_some());
        for field in fields(&definition.kind) {
            need(format!("{name}.{}", field.name.node), field.description.is_some());
            for argument in &field.arguments {
                let path = format!("{name}.{}({})", field.name.node, argument.node.name.node);
                need(path, argument.node.description.is_some());
            }
        }
        if let TypeKind::InputObject(input) = &definition.kind {
            for field in &input.fields {
                need(format!("{name}.{}", field.node.name.node), field.node.description.is_some());
            }
        }
        if let TypeKind::Enum(values) = &definition.kind {
            for value in &values.values {
                need(format!("{name}.{}", value.node.value.node), value.node.description.is_some());
            }
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

#[test]
fn every_scalar_is_specified_in_the_documentation() {
    let page = include_str!("../../../docs/scalars.md");
    let scalars: Vec<_> =
        published().into_values().filter(|definition| matches!(definition.kind, TypeKind::Scalar)).collect();
    assert_eq!(scalars.len(), 4);
    for scalar in scalars {
        let name = &scalar.name.node;
        let directive = scalar.directives.iter().find(|directive| directive.node.name.node == "specifiedBy");
        let url = directive.and_then(|directive| directive.node.get_argument("url")).map(|url| url.node.to_string());
        assert_eq!(url, Some(format!("\"docs/scalars.md#{}\"", name.to_lowercase())));
        assert!(page.contains(&format!("\n## {name}\n")), "docs/scalars.md says what {name} is");
    }
}

#[test]
fn the_committed_schema_is_up_to_date() {
    assert!(
        COMMITTED.trim() == orderwire::graphql::sdl().trim(),
        "schema.graphql is stale: write it anew with `cargo run -- schema > schema.graphql`"
    );
}
