//! The answers of introspection for a schema that has what ours lacks, and what they cost.

use async_graphql::Variables;
use serde_json::{Value, json};

use super::*;
use crate::graphql::engine::document::{
    limits::default_limits,
    plan::Plan,
    validator::{ValidDocument, Validator, parse},
};

const SDL: &str = r#"
    "All of it." schema { query: Query }
    type Query { old: Int @deprecated new(a: [[Int!]]! = [[1], null], b: Choice = { x: 1, y: [] } @deprecated(reason: "B")): Named }
    interface Node { id: ID! }
    interface Named implements Node { id: ID! name: String }
    type A implements Node & Named { id: ID! name: String }
    type B implements Node { id: ID! }
    union Both = A | B
    enum Size { BIG SMALL @deprecated(reason: "s") }
    input Choice { x: Int y: [Size!] @deprecated(reason: null) }
    input Either @oneOf { a: Int b: Int }
    scalar Day @specifiedBy(url: "https://day.example")
    scalar Any
    "Often." directive @often("It." a: Int = 1 @deprecated) repeatable on FIELD | QUERY
"#;

fn types() -> SchemaTypes {
    SchemaTypes::new(SDL, &[]).unwrap()
}

fn plan(types: &SchemaTypes, document: &str) -> Plan {
    let validator = Validator { introspection: true };
    let ValidDocument { document, arguments } = validator.validate(types, &parse(document).unwrap()).unwrap();
    let operation = document.operations.get(None).unwrap();
    Plan::new(types, &document, &arguments, operation, |_| None, usize::MAX).unwrap()
}

fn answered(document: &str, variables: Value) -> Result<Value, ServerError> {
    let types = types();
    let plan = plan(&types, document);
    let json = answer(&types, &plan.fields[0], &Variables::from_json(variables), usize::MAX)?;
    Ok(serde_json::from_slice(json.bytes()).unwrap())
}

#[test]
fn types_have_what_their_kind_has() {
    let all = "kind name description specifiedByURL isOneOf fields { name } interfaces { name } possibleTypes { name }
        enumValues { name } inputFields { name } ofType { name }";
    let named = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    let absent = |kind: &str, name: Option<&str>| {
        json!({ "kind": kind, "name": name, "description": null, "specifiedByURL": null, "isOneOf": null, "fields": null,
            "interfaces": null, "possibleTypes": null, "enumValues": null, "inputFields": null, "ofType": null })
    };
    for (name, kind, own) in [
        ("Query", "OBJECT", json!({ "fields": named(&["new"]), "interfaces": [] })),
        ("A", "OBJECT", json!({ "fields": named(&["id", "name"]), "interfaces": named(&["Node", "Named"]) })),
        (
            "Named",
            "INTERFACE",
            json!({ "fields": named(&["id", "name"]), "interfaces": named(&["Node"]), "possibleTypes": named(&["A"]) }),
        ),
        (
            "Node",
            "INTERFACE",
            json!({ "fields": named(&["id"]), "interfaces": [], "possibleTypes": named(&["A", "B"]) }),
        ),
        ("Both", "UNION", json!({ "possibleTypes": named(&["A", "B"]) })),
        ("Size", "ENUM", json!({ "enumValues": named(&["BIG"]) })),
        ("Choice", "INPUT_OBJECT", json!({ "inputFields": named(&["x"]), "isOneOf": false })),
        ("Either", "INPUT_OBJECT", json!({ "inputFields": named(&["a", "b"]), "isOneOf": true })),
        ("Day", "SCALAR", json!({ "specifiedByURL": "https://day.example" })),
        ("Any", "SCALAR", json!({})),
    ] {
        let mut expected = absent(kind, Some(name));
        expected.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let document = format!("{{ __type(name: \"{name}\") {{ {all} }} }}");
        assert_eq!(answered(&document, json!({})).unwrap(), expected, "{name}");
    }
    let arguments = "{ __type(name: \"Query\") { fields { args { type { KIND ofType { KIND ofType { KIND ofType { KIND ofType { kind name } } } } } } } } }";
    let answer = answered(&arguments.replace("KIND", all), json!({})).unwrap();
    let mut ty = answer["fields"][0]["args"][0]["type"].clone();
    for kind in ["NON_NULL", "LIST", "LIST", "NON_NULL"] {
        let inner = ty["ofType"].take();
        assert_eq!(ty, absent(kind, None));
        ty = inner;
    }
    assert_eq!(ty, json!({ "kind": "SCALAR", "name": "Int" }));
}

#[test]
fn deprecated_parts_are_included_on_request_with_their_reasons() {
    let document = "query ($all: Boolean) { __schema { types { name fields(includeDeprecated: $all) { ...F } inputFields(includeDeprecated: $all) { ...V }
            enumValues(includeDeprecated: $all) { name isDeprecated deprecationReason } }
            directives { name description isRepeatable locations args(includeDeprecated: $all) { ...V } } description } }
        fragment F on __Field { name isDeprecated deprecationReason args(includeDeprecated: $all) { ...V } }
        fragment V on __InputValue { name defaultValue isDeprecated deprecationReason }";
    let one = |answer: &Value, list: &str, name: &str| {
        answer[list].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    };
    let names = |answer: &Value, list: &str, name: &str, part: &str| -> Vec<String> {
        let members = one(answer, list, name)[part].as_array().unwrap().clone();
        members.iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = answered(document, json!({ "all": true })).unwrap();
    assert_eq!(
        one(&all, "types", "Query")["fields"],
        json!([
            { "name": "old", "isDeprecated": true, "deprecationReason": "No longer supported", "args": [] },
            { "name": "new", "isDeprecated": false, "deprecationReason": null, "args": [
                { "name": "a", "defaultValue": "[[1], null]", "isDeprecated": false, "deprecationReason": null },
                { "name": "b", "defaultValue": "{x: 1, y: []}", "isDeprecated": true, "deprecationReason": "B" },
            ] },
        ])
    );
    assert_eq!(
        one(&all, "types", "Size")["enumValues"][1],
        json!({ "name": "SMALL", "isDeprecated": true, "deprecationReason": "s" })
    );
    assert_eq!(
        one(&all, "types", "Choice")["inputFields"][1],
        json!({ "name": "y", "defaultValue": null, "isDeprecated": true, "deprecationReason": null })
    );
    assert_eq!(
        one(&all, "directives", "often"),
        json!({ "name": "often", "description": "Often.", "isRepeatable": true, "locations": ["FIELD", "QUERY"], "args": [
            { "name": "a", "defaultValue": "1", "isDeprecated": true, "deprecationReason": "No longer supported" },
        ] })
    );
    assert_eq!(all["description"], "All of it.");
    for few in [json!({}), json!({ "all": null }), json!({ "all": false })] {
        let few = answered(document, few).unwrap();
        assert_eq!(names(&few, "types", "Query", "fields"), ["new"]);
        assert_eq!(names(&few, "types", "Size", "enumValues"), ["BIG"]);
        assert_eq!(names(&few, "types", "Choice", "inputFields"), ["x"]);
        assert_eq!(names(&few, "directives", "often", "args"), [""; 0]);
    }
    let mut directives: Vec<_> = all["directives"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    directives.sort_by_key(|name| name.to_string());
    assert_eq!(json!(directives), json!(["deprecated", "include", "often", "oneOf", "skip", "specifiedBy"]));
}

#[test]
fn a_type_is_found_by_its_name() {
    let document = "query ($n: String = \"A\") { t: __type(name: $n) { name __typename } }";
    assert_eq!(answered(document, json!({ "n": "Day" })).unwrap(), json!({ "name": "Day", "__typename": "__Type" }));
    assert_eq!(answered(document, json!({ "n": "Nothing" })).unwrap(), Value::Null);
    let refused = answered(document, json!({ "n": null })).unwrap_err();
    assert_eq!(refused.message, "Invalid value for argument \"name\", expected type \"String!\"");
    assert_eq!(refused.path, [PathSegment::Field("t".to_owned())]);
}

#[test]
fn introspection_costs_by_the_number_of_values_in_the_largest_answer() {
    fn values(answer: &Value) -> usize {
        match answer {
            Value::Object(fields) => 1 + fields.values().map(values).sum::<usize>(),
            Value::Array(items) => items.iter().map(values).sum(),
            _ => 1,
        }
    }
    let types = SchemaTypes::new(&crate::graphql::sdl(), &[]).unwrap();
    let limit = default_limits().cost;
    let cost = |document: &str| points(&types, &plan(&types, document).fields, limit);
    let answered = |document: &str, variables: Value| {
        let variables = Variables::from_json(variables);
        let answer = |field| {
            let json = answer(&types, field, &variables, usize::MAX).unwrap();
            values(&serde_json::from_slice(json.bytes()).unwrap())
        };
        plan(&types, document).fields.iter().map(answer).sum::<usize>().div_ceil(VALUES_PER_POINT) as u64
    };
    for document in [
        "{ __schema { queryType { name } directives { locations } } }",
        "{ a: __schema { types { name interfaces { name @skip(if: true) } } } b: __type(name: \"Order\") { fields { name type { kind } } } }",
    ] {
        assert_eq!(cost(document), answered(document, json!({})), "{document}");
    }
    let by_name = "query ($n: String!) { __type(name: $n) { fields { name description } } }";
    for name in ["Query", "Order", "Mutation"] {
        assert!(answered(by_name, json!({ "n": name })) < cost(by_name), "{name}");
    }
    let deep = "possibleTypes { interfaces { ".repeat(10) + "name" + &"} }".repeat(10);
    let stopped = cost(&format!("{{ __schema {{ types {{ {deep} }} }} }}"));
    assert!((limit + 1..2 * limit).contains(&(stopped as usize)), "{stopped}");
    assert_eq!(cost("{ me { id } }"), 0);
}
