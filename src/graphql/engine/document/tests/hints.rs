//! How long caches may keep answers.

use super::{
    registered::{apollo, hex, run},
    *,
};

const SCHEMA: &str = r#"
directive @cacheControl(maxAge: Int, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT
type Query {
  plain: Int
  kept: Int @cacheControl(maxAge: 9)
  shop: Shop @cacheControl(maxAge: 60)
  other: Shop
  lamp: Lamp
  either: Either
}
type Shop {
  name: String
  lamp: Lamp
  part: Part
  unknown: Unknown
  fresh: Int @cacheControl(maxAge: 3)
  never: Int @cacheControl(maxAge: 0)
}
type Lamp @cacheControl(maxAge: 20) { name: String part: Part long: Int @cacheControl(maxAge: 90) }
type Part @cacheControl(inheritMaxAge: true) { size: Int }
type Unknown { id: Int }
union Either = Lamp | Unknown
"#;

/// How long caches may keep the answer to a registered document.
fn max_age(documents: &Documents, query: &str, variables: serde_json::Value) -> Option<u32> {
    let extension = json!({ "version": 1, "sha256Hash": hex(query) });
    let variables = Variables::from_json(variables);
    run(documents, apollo(Some(query), extension.clone()).variables(variables.clone())).unwrap();
    prepare(documents, apollo(None, extension).variables(variables)).unwrap().max_age()
}

#[test]
fn an_answer_may_be_kept_for_the_least_that_is_said_of_its_parts() {
    let documents = Documents::new(SCHEMA, &[], true, options()).unwrap();
    for (query, expected) in [
        ("{ plain }", None),
        ("{ kept }", Some(9)),
        ("{ kept plain }", None),
        ("{ shop { name } }", Some(60)),
        ("{ shop { name lamp { name } } }", Some(20)),
        ("{ shop { part { size } } }", Some(60)),
        ("{ shop { unknown { id } } }", None),
        ("{ shop { fresh } kept }", Some(3)),
        ("{ shop { never } }", None),
        ("{ other { name } }", None),
        ("{ lamp { name part { size } } }", Some(20)),
        ("{ lamp { long } }", Some(20)),
        ("{ either { ... on Lamp { name } } }", None),
        ("{ kept __typename }", Some(9)),
        ("{ __typename }", None),
        ("{ kept __schema { queryType { name } } }", None),
    ] {
        assert_eq!(max_age(&documents, query, json!({})), expected, "{query}");
    }
    for (included, expected) in [(false, Some(9)), (true, None)] {
        let query = "query ($plain: Boolean!) { kept plain @include(if: $plain) }";
        assert_eq!(max_age(&documents, query, json!({ "plain": included })), expected, "{included}");
    }
}

#[test]
fn an_answer_may_be_kept_only_if_the_request_names_its_document_and_asks_for_nothing_else() {
    let documents = Documents::new(SCHEMA, &[], true, options()).unwrap();
    let query = "{ kept }";
    assert_eq!(max_age(&documents, query, json!({})), Some(9));
    let extension = json!({ "version": 1, "sha256Hash": hex(query) });
    let mut with_cost = apollo(None, extension.clone());
    with_cost.extensions.insert("cost".to_owned(), true.into());
    for request in [OperationRequest::new(query), apollo(Some(query), extension), with_cost] {
        assert_eq!(prepare(&documents, request).unwrap().max_age(), None);
    }
}
