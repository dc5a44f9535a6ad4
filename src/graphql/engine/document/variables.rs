//! The values of variables: <https://spec.graphql.org/September2025/#sec-Coercing-Variable-Values>. Documents
//! are validated without them, so that one validation serves every request with the same document.

use apollo_compiler::{Node, ast::Type, executable::Operation, parser::SourceMap};
use async_graphql::{Name, Pos, ServerError, Variables};
use async_graphql_value::ConstValue;

use super::{
    position::Positions,
    request::RequestErrors,
    types::SchemaTypes,
    values::{ValuePath, coerce, coerce_literal},
};
use crate::graphql::engine::{code, error::refusal};

/// A variable that an operation declares.
pub(super) struct Variable {
    pub name: Name,
    ty: Node<Type>,
    default: Option<ConstValue>,
    position: Pos,
}

impl Variable {
    pub fn refusal(&self, message: String) -> ServerError {
        let mut error = refusal(code::BAD_USER_INPUT, message);
        error.locations.push(self.position);
        error
    }
}

/// The variables that an operation of a valid document declares. Fails if a default is not of its variable's type.
pub(super) fn declared(
    types: &SchemaTypes,
    operation: &Operation,
    sources: &SourceMap,
) -> Result<Vec<Variable>, RequestErrors> {
    let mut errors = Vec::new();
    let positions = Positions::new(sources);
    let mut variables = Vec::with_capacity(operation.variables.len());
    for definition in &operation.variables {
        let mut variable = Variable {
            name: Name::new(&definition.name),
            ty: definition.ty.clone(),
            default: None,
            position: positions.of(definition.location()),
        };
        let default = definition.default_value.as_ref().map(|value| {
            let path = ValuePath::new(&definition.name);
            coerce_literal(types, &definition.ty, value, &path)
        });
        match default.transpose() {
            Ok(value) => variable.default = value.and_then(async_graphql_value::Value::into_const),
            Err(reason) => errors.push(variable.refusal(format!("Invalid default for variable {reason}"))),
        }
        variables.push(variable);
    }
    if errors.is_empty() { Ok(variables) } else { Err(errors) }
}

/// Returns the values of the declared variables, with defaults for those that are not given. Fails if a required
/// variable is missing or a value is not of its type.
pub(super) fn coerce_all(
    types: &SchemaTypes,
    declared: &[Variable],
    mut given: Variables,
) -> Result<Variables, RequestErrors> {
    let mut values = Variables::default();
    let mut errors = Vec::new();
    for variable @ Variable { name, ty, default, .. } in declared {
        match given.remove(name) {
            None => match default {
                Some(default) => values.extend([(name.clone(), default.clone())]),
                None if ty.is_non_null() => {
                    errors.push(variable.refusal(format!("Variable \"{name}\" of type \"{ty}\" is required")));
                }
                None => {}
            },
            Some(value) => match coerce(types, ty, value.into_value(), &ValuePath::new(name)) {
                Ok(value) => values.extend(value.into_const().map(|value| (name.clone(), value))),
                Err(reason) => errors.push(variable.refusal(format!("Invalid value for variable {reason}"))),
            },
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::graphql::{
        engine::document::validator::{Validator, parse},
        schema::SCALARS,
    };

    /// Coerces these variables of an operation that declares them like this, over a schema with an input of every kind.
    fn coerced(declared: &str, given: Value) -> Result<Value, String> {
        const SDL: &str =
            "type Query { all(n: Int, must: Boolean, ids: [ID!], grid: [[Int!]!], status: OrderStatus, at: DateTime,
            object: Inner, rate: Float, choice: Choice): Int }
            enum OrderStatus { PENDING SHIPPED } scalar DateTime input Choice @oneOf { a: Int b: String }
            input Inner { word: String! number: Int! = 7 rate: Float inner: Inner }";
        let types = SchemaTypes::new(SDL, SCALARS).unwrap();
        let name = declared.split(':').next().unwrap();
        let document = format!("query ({declared}) {{ all({}: {name}) }}", name.trim_start_matches('$'));
        let validator = Validator { introspection: true };
        let document = validator.validate(&types, &parse(&document).unwrap()).map(|valid| valid.document).unwrap();
        let operation = document.operations.get(None).unwrap();
        let first = |errors: RequestErrors| errors.into_iter().map(|error| error.message).next().unwrap_or_default();
        let variables = super::declared(&types, operation, &document.sources).map_err(first)?;
        let values = coerce_all(&types, &variables, Variables::from_json(given)).map_err(first)?;
        Ok(values.into_value().into_json().unwrap())
    }

    #[test]
    fn values_are_coerced_to_the_types_of_their_variables() {
        for (declared, given, expected) in [
            ("$n: Int", json!({}), json!({})),
            ("$n: Int", json!({ "n": null, "other": 1 }), json!({ "n": null })),
            ("$n: Int = 3", json!({}), json!({ "n": 3 })),
            ("$n: Int! = 3", json!({}), json!({ "n": 3 })),
            ("$n: Int = 3", json!({ "n": null }), json!({ "n": null })),
            ("$n: Int", json!({ "n": 1.0 }), json!({ "n": 1 })),
            ("$n: Int", json!({ "n": -0.0 }), json!({ "n": 0 })),
            ("$n: Int", json!({ "n": 2_147_483_647 }), json!({ "n": 2_147_483_647 })),
            ("$rate: Float", json!({ "rate": 1 }), json!({ "rate": 1 })),
            ("$ids: [ID!]", json!({ "ids": ["a", 1, 2.0] }), json!({ "ids": ["a", "1", "2"] })),
            ("$ids: [ID!]", json!({ "ids": "a" }), json!({ "ids": ["a"] })),
            (
                "$ids: [ID!]",
                json!({ "ids": 18_446_744_073_709_551_615_u64 }),
                json!({ "ids": ["18446744073709551615"] }),
            ),
            ("$grid: [[Int!]!]", json!({ "grid": [[1], []] }), json!({ "grid": [[1], []] })),
            ("$grid: [[Int!]!]", json!({ "grid": 1 }), json!({ "grid": [[1]] })),
            ("$status: OrderStatus", json!({ "status": "PENDING" }), json!({ "status": "PENDING" })),
            ("$object: Inner", json!({ "object": { "word": "" } }), json!({ "object": { "word": "" } })),
            ("$choice: Choice", json!({ "choice": { "a": 1 } }), json!({ "choice": { "a": 1 } })),
        ] {
            assert_eq!(coerced(declared, given.clone()), Ok(expected), "{declared} {given}");
        }
    }

    #[test]
    fn values_of_other_types_are_refused_with_their_path() {
        for (declared, given, expected) in [
            ("$n: Int!", json!({}), "Variable \"n\" of type \"Int!\" is required"),
            ("$n: Int!", json!({ "n": null }), "Invalid value for variable \"n\", expected type \"Int!\""),
            ("$n: Int", json!({ "n": "1" }), "\"n\", expected type \"Int\""),
            ("$n: Int", json!({ "n": 1.5 }), "\"n\", expected type \"Int\""),
            ("$n: Int", json!({ "n": 2_147_483_648_u64 }), "\"n\", expected type \"Int\""),
            ("$n: Int", json!({ "n": 1e300 }), "\"n\", expected type \"Int\""),
            ("$n: Int", json!({ "n": [1] }), "\"n\", expected type \"Int\""),
            ("$must: Boolean", json!({ "must": 1 }), "\"must\", expected type \"Boolean\""),
            ("$rate: Float", json!({ "rate": "1" }), "\"rate\", expected type \"Float\""),
            ("$ids: [ID!]", json!({ "ids": [1, null] }), "\"ids.1\", expected type \"ID!\""),
            ("$ids: [ID!]", json!({ "ids": [1.5] }), "\"ids.0\", expected type \"ID!\""),
            ("$grid: [[Int!]!]", json!({ "grid": [[1], [2, "3"]] }), "\"grid.1.1\", expected type \"Int!\""),
            ("$grid: [[Int!]!]", json!({ "grid": [[1], null] }), "\"grid.1\", expected type \"[Int!]!\""),
            (
                "$status: OrderStatus",
                json!({ "status": "LOST" }),
                "enumeration type \"OrderStatus\" does not contain the value \"LOST\"",
            ),
            ("$status: OrderStatus", json!({ "status": 1 }), "\"status\", expected type \"OrderStatus\""),
            ("$at: DateTime", json!({ "at": 7 }), "\"at\": "),
            ("$at: DateTime", json!({ "at": "soon" }), "\"at\": "),
            ("$object: Inner", json!({ "object": 3 }), "\"object\", expected type \"Inner\""),
            (
                "$object: Inner",
                json!({ "object": {} }),
                "field \"word\" of type \"String!\" is required but not provided",
            ),
            ("$object: Inner", json!({ "object": { "word": null } }), "\"object.word\", expected type \"String!\""),
            (
                "$object: Inner",
                json!({ "object": { "word": "", "colour": 1 } }),
                "unknown field \"colour\" of type \"Inner\"",
            ),
            (
                "$object: Inner",
                json!({ "object": { "word": "a", "inner": { "word": [] } } }),
                "\"object.inner.word\", expected type",
            ),
            ("$choice: Choice", json!({ "choice": { "a": 1, "b": "" } }), "exactly one field of type \"Choice\""),
            ("$choice: Choice", json!({ "choice": { "a": null } }), "exactly one field of type \"Choice\""),
        ] {
            let refused = coerced(declared, given.clone()).unwrap_err();
            assert!(refused.contains(expected), "{declared} {given}: {refused}");
        }
    }
}
