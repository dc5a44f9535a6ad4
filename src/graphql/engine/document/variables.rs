//! The values of variables: <https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values>. The validation of a
//! document does without them, so that it holds for every request with that document.

use async_graphql::{Positioned, ServerError, Variables, parser::types::VariableDefinition};

use super::{
    types::SchemaTypes,
    values::{Path, fault},
};
use crate::graphql::engine::{code, error::refusal};

/// The variables that an operation declares, with defaults where nothing is given. Fails for those that are missing or
/// not of their type.
pub(super) fn coerce(
    types: &SchemaTypes,
    definitions: &[Positioned<VariableDefinition>],
    mut given: Variables,
) -> Result<Variables, Vec<ServerError>> {
    let mut values = Variables::default();
    let mut errors = Vec::new();
    for definition in definitions {
        let variable = &definition.node;
        let name = &variable.name.node;
        let refused = |reason: String| {
            let mut error = refusal(code::BAD_USER_INPUT, reason);
            error.locations.push(definition.pos);
            error
        };
        match given.remove(name) {
            None if variable.default_value.is_some() => {
                values.extend(variable.default_value.iter().map(|value| (name.clone(), value.node.clone())));
            }
            None if variable.var_type.node.nullable => {}
            None => {
                errors.push(refused(format!("Variable \"{name}\" of type \"{}\" is required", variable.var_type.node)))
            }
            Some(value) => match fault(types, &variable.var_type.node, &value, &Path::of(name)) {
                None => values.extend([(name.clone(), value)]),
                Some(reason) => errors.push(refused(format!("Invalid value for variable {reason}"))),
            },
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        EmptySubscription, Enum, InputObject, InputValueError, InputValueResult, MergedObject, Object, Request, Scalar,
        ScalarType, Schema, ValidationMode, parser::parse_query,
    };
    use futures_util::FutureExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::graphql::engine::document::find_operation::find_operation;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
    enum OrderStatus {
        Pending,
        Shipped,
    }

    struct DateTime(String);

    #[Scalar]
    impl ScalarType for DateTime {
        fn parse(value: async_graphql::Value) -> InputValueResult<Self> {
            match value {
                async_graphql::Value::String(text) => Ok(Self(text)),
                other => Err(InputValueError::expected_type(other)),
            }
        }

        fn to_value(&self) -> async_graphql::Value {
            self.0.clone().into()
        }
    }

    #[derive(InputObject)]
    struct Inner {
        word: String,
        #[graphql(default = 7)]
        number: i32,
        rate: Option<f64>,
        inner: Option<Box<Inner>>,
    }

    #[derive(Default)]
    struct Numbers;

    #[Object]
    #[allow(clippy::too_many_arguments, unused_variables, reason = "arguments of every type")]
    impl Numbers {
        async fn all(
            &self,
            n: Option<i32>,
            must: Option<bool>,
            ids: Option<Vec<async_graphql::ID>>,
            grid: Option<Vec<Vec<i32>>>,
            status: Option<OrderStatus>,
            at: Option<DateTime>,
            object: Option<Inner>,
        ) -> i32 {
            1
        }
    }

    #[derive(MergedObject, Default)]
    struct Root(Numbers);

    type TestSchema = Schema<Root, async_graphql::EmptyMutation, EmptySubscription>;

    const DOCUMENT: &str = "query ($n: Int, $must: Boolean, $ids: [ID!], $grid: [[Int!]!], $status: OrderStatus,
        $at: DateTime, $object: Inner) {
        all(n: $n, must: $must, ids: $ids, grid: $grid, status: $status, at: $at, object: $object) }";

    /// The messages of ours, and of the library's strict validation, for these variables.
    fn both(variables: &Value) -> (Vec<String>, Vec<String>) {
        let schema: TestSchema = Schema::build(Root::default(), async_graphql::EmptyMutation, EmptySubscription)
            .validation_mode(ValidationMode::Strict)
            .finish();
        let variables = Variables::from_json(variables.clone());
        let document = parse_query(DOCUMENT).unwrap();
        let definitions = &find_operation(&document, None).unwrap().node.variable_definitions;
        let ours = coerce(&SchemaTypes::new(&schema.sdl()), definitions, variables.clone());
        let strict = schema.execute(Request::new(DOCUMENT).variables(variables)).now_or_never().unwrap();
        let strict = strict.errors.iter().filter(|error| error.path.is_empty()).map(|error| error.message.clone());
        (ours.err().unwrap_or_default().into_iter().map(|error| error.message).collect(), strict.collect())
    }

    #[test]
    fn what_strict_validation_refuses_is_refused_in_the_same_words() {
        for bad in [
            json!({ "n": "1" }),
            json!({ "n": 1.5 }),
            json!({ "n": [1] }),
            json!({ "n": true }),
            json!({ "n": 18_446_744_073_709_551_615_u64 }),
            json!({ "must": "true" }),
            json!({ "must": 1 }),
            json!({ "ids": [1, null] }),
            json!({ "ids": [1, 1.5] }),
            json!({ "ids": { "a": 1 } }),
            json!({ "grid": [[1], [2, "3"]] }),
            json!({ "grid": [[1], null] }),
            json!({ "status": "LOST" }),
            json!({ "status": 1 }),
            json!({ "object": {} }),
            json!({ "object": { "word": 1 } }),
            json!({ "object": { "word": null } }),
            json!({ "object": { "word": "a", "colour": "red" } }),
            json!({ "object": { "word": "a", "number": null } }),
            json!({ "object": { "word": "a", "rate": "1" } }),
            json!({ "object": { "word": "a", "inner": { "word": "b", "inner": { "word": [] } } } }),
            json!({ "n": "1", "must": 1 }),
        ] {
            let (ours, strict) = both(&bad);
            let strict: Vec<String> =
                strict.iter().map(|message| message.replace("for argument", "for variable")).collect();
            assert_eq!(ours, strict, "{bad}");
            assert!(!ours.is_empty(), "{bad}");
        }
        for good in [
            json!({}),
            json!({ "n": null, "must": null, "ids": null, "grid": null, "status": null, "at": null, "object": null }),
            json!({ "n": 1, "must": false, "ids": ["a", 1], "grid": [[1], []], "status": "PENDING" }),
            json!({ "n": 2_147_483_648_u64, "ids": "a", "grid": 1, "at": 7 }),
            json!({ "at": "2026-01-31T09:30:00Z", "object": { "word": "", "inner": { "word": "b", "rate": 1 } } }),
            json!({ "unknown": 1 }),
        ] {
            assert_eq!(both(&good), (Vec::new(), Vec::new()), "{good}");
        }
    }

    #[test]
    fn what_strict_validation_lets_through_is_refused_where_the_specification_says_so() {
        let types = SchemaTypes::new(&crate::graphql::sdl());
        let coerced = |document: &str, variables: Value| {
            let document = parse_query(document).unwrap();
            let definitions = &find_operation(&document, None).unwrap().node.variable_definitions;
            let coerced = coerce(&types, definitions, Variables::from_json(variables));
            coerced.map(|values| values.into_value().into_json().unwrap()).map_err(|errors| errors[0].message.clone())
        };
        for (variable, given, expected) in [
            ("$id: ID!", json!({}), Err("Variable \"id\" of type \"ID!\" is required")),
            ("$id: ID!", json!({ "id": null }), Err("Invalid value for variable \"id\", expected type \"ID\"")),
            (
                "$f: ProductFilter",
                json!({ "f": 3 }),
                Err("Invalid value for variable \"f\", expected type \"ProductFilter\""),
            ),
            ("$n: Int! = 3", json!({}), Ok(json!({ "n": 3 }))),
            ("$n: Int = 3", json!({ "n": null, "other": 1 }), Ok(json!({ "n": null }))),
            ("$n: Int", json!({}), Ok(json!({}))),
        ] {
            let result = coerced(&format!("query ({variable}) {{ me {{ id }} }}"), given);
            assert_eq!(result, expected.map_err(str::to_owned), "{variable}");
        }
    }
}
