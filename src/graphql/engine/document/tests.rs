//! Tests of [`Documents`], from a request to a prepared operation.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{Response, Value, Variables, parser::types::OperationType, value};
use futures_util::FutureExt;
use serde_json::json;

use super::{hash::hash, *};
use crate::graphql::schema::SCALARS;

fn documents(options: DocumentOptions) -> Documents {
    Documents::new(&crate::graphql::sdl(), SCALARS, true, options).unwrap()
}

/// Every store here is in memory, so the future is ready at once.
fn prepare(documents: &Documents, request: OperationRequest) -> Result<PreparedOperation, Box<Response>> {
    documents.prepare(request).now_or_never().expect("nothing to wait for").map_err(Box::new)
}

fn cached(documents: &Documents) -> u64 {
    documents.cache.run_pending_tasks();
    documents.cache.entry_count()
}

fn extension(refused: &Response, name: &str) -> Value {
    refused.errors[0].extensions.as_ref().unwrap().get(name).cloned().unwrap_or_default()
}

#[test]
fn oversized_documents_are_refused_quickly_and_not_cached() {
    let documents = documents(DocumentOptions::default());
    let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    let doubling = many(30, &|n| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }} ", m = n + 1));
    let doubling = format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ me {{ id }} }}");
    let ids = many(3000, &|n| format!("\"prd_{n}\" "));
    let nested = "orders(first: 100) { nodes { customer { ".repeat(6) + "id" + &" } } }".repeat(6);
    for (attack, document, limit) in [
        ("doubling fragments", doubling, "fields"),
        ("alias flood", format!("{{ me {{ {} }} }}", many(500, &|n| format!("a{n}: id "))), "aliases"),
        (
            "alias flood of root fields",
            format!("{{ {} }}", many(200, &|n| format!("a{n}: me {{ id }} "))),
            "rootFields",
        ),
        ("deep nesting", "{ me ".repeat(40) + &"}".repeat(40), "depth"),
        ("deeper than the stack", "{ me ".repeat(8000) + &"}".repeat(8000), "tokens"),
        ("deep lists", format!("{{ nodes(ids: {}{}) {{ id }} }}", "[".repeat(1900), "]".repeat(1900)), "nesting"),
        ("deep types", format!("query ($a: {}Int{}) {{ me {{ id }} }}", "[".repeat(1900), "]".repeat(1900)), "nesting"),
        (
            "directive flood",
            format!("{{ me {{ id {} }} }}", many(500, &|_| "@skip(if: false) ".to_owned())),
            "directives",
        ),
        ("huge document", format!("{{ me {{ id }} }} # {}", "x".repeat(1_000_000)), "bytes"),
        ("many tokens", format!("{{ me {{ {} }} }}", "id ".repeat(10_000)), "tokens"),
        (
            "values in a fragment that is spread often",
            format!(
                "{{ me {{ {} }} }} fragment F on User {{ tasks(filter: {{ priority: [{}] }}) {{ totalCount }} }}",
                many(20, &|n| format!("a{n}: tasks {{ nodes {{ createdBy {{ ...F }} }} }} ")),
                "LOW ".repeat(800)
            ),
            "bytes",
        ),
        (
            "operations that spread one fragment",
            format!(
                "{} fragment F on Query {{ tasks(filter: {{ priority: [{}] }}) {{ totalCount }} }}",
                many(300, &|n| format!("query Q{n} {{ ...F }} ")),
                many(1000, &|n| format!("$p{n} "))
            ),
            "bytes",
        ),
        ("huge list of ids", format!("{{ nodes(ids: [{ids}]) {{ ...on User {{ {nested} }} }} }}"), "cost"),
        ("nested pages", format!("{{ me {{ {nested} }} }}"), "cost"),
        (
            "schema within schema",
            "{ __schema { types { ".to_owned() + &"fields { type { ".repeat(8) + "name" + &"} }".repeat(8) + "} } }",
            "introspection",
        ),
    ] {
        let request = OperationRequest::new(document);
        let begun = Instant::now();
        let refused = prepare(&documents, request).unwrap_err();
        let took = begun.elapsed();
        assert_eq!(extension(&refused, "code"), value!("QUERY_TOO_COMPLEX"), "{attack}: {:?}", refused.errors);
        let (value, most) = (extension(&refused, limit), extension(&refused, "limit"));
        assert!(
            matches!((&value, &most), (Value::Number(value), Value::Number(most)) if value.as_u64() > most.as_u64()),
            "{attack}: {:?}",
            refused.errors
        );
        assert!(refused.errors[0].message.contains(&format!("`{limit}`: it has {value}, at most {most}")), "{attack}");
        // With its fragments expanded, such a document takes minutes or longer.
        assert!(took < Duration::from_secs(5), "{attack}: {took:?}");
    }
    let cycle =
        "{ me { ...A } } fragment A on User { ...B } fragment B on User { orders { nodes { customer { ...A } } } }";
    let refused = prepare(&documents, OperationRequest::new(cycle)).unwrap_err();
    assert!(refused.errors[0].message.contains("spreads itself"), "{:?}", refused.errors);
    // The two documents that exceed only the limit on cost are valid, so they are cached.
    assert_eq!(cached(&documents), 2);
}

#[test]
fn errors_are_short_and_few() {
    let documents = documents(DocumentOptions::default());
    let errors = |document: String| prepare(&documents, OperationRequest::new(document)).unwrap_err().errors;
    let syntax = errors("{ me { id }".to_owned());
    assert_eq!(syntax.len(), 1, "{syntax:?}");
    let long = errors(format!("{{ {} }}", "x".repeat(10_000)));
    assert!(long.len() == 1 && long[0].message.len() < 600, "{long:?}");
    assert_eq!(errors(format!("{{ me {{ {} }} }}", "nothing ".repeat(1000))).len(), 20);
    let many: String = (0..500).map(|n| format!("$v{n}: ID! ")).collect();
    let used: String = (0..500).map(|n| format!("$v{n} ")).collect();
    assert_eq!(errors(format!("query ({many}) {{ nodes(ids: [{used}]) {{ id }} }}")).len(), 20);
    let request = OperationRequest::new("query ($f: ProductFilter) { products(filter: $f) { totalCount } }");
    let variables = json!({ "f": { ("z".repeat(100_000)): 1 } });
    let refused = prepare(&documents, request.variables(Variables::from_json(variables))).unwrap_err();
    assert!(refused.errors[0].message.len() < 600, "{}", refused.errors[0].message.len());
}

#[test]
fn valid_documents_are_cached_and_invalid_ones_are_not() {
    let documents = documents(DocumentOptions::default());
    for bad in [
        "{",
        "",
        "{ nothing }",
        "{ me }",
        "query A { me { id } } query B { me { id } }",
        "mutation { login { userErrors { code } } }",
    ] {
        assert_eq!(
            extension(&prepare(&documents, OperationRequest::new(bad)).unwrap_err(), "code"),
            value!("BAD_USER_INPUT"),
            "{bad}"
        );
    }
    assert_eq!(cached(&documents), 0);
    let products = |first: i32| {
        let request = OperationRequest::new("query ($n: Int) { products(first: $n) { nodes { id } } }");
        prepare(&documents, request.variables(Variables::from_json(json!({ "n": first })))).unwrap()
    };
    let (first, second) = (products(1), products(7));
    assert!(Arc::ptr_eq(&first.operation, &second.operation));
    assert_eq!((first.cost(), second.cost()), (2, 8));
    assert_eq!(cached(&documents), 1);
}

#[test]
fn the_cache_is_bounded_by_its_size_in_bytes() {
    let documents = documents(DocumentOptions { cache: 100_000, ..DocumentOptions::default() });
    for n in 0..1000 {
        prepare(&documents, OperationRequest::new(format!("{{ a{n}: me {{ id }} }}"))).unwrap();
    }
    documents.cache.run_pending_tasks();
    assert!((1..=100_000).contains(&documents.cache.weighted_size()), "{}", documents.cache.weighted_size());
}

#[test]
fn operations_are_found_by_name() {
    let documents = documents(DocumentOptions::default());
    let both = "query A { me { ...F } } mutation B { logout { userErrors { code } } } fragment F on User { id }";
    let named = |name: Option<&str>| {
        let mut request = OperationRequest::new(both);
        request.operation_name = name.map(str::to_owned);
        prepare(&documents, request)
    };
    assert_eq!(named(Some("A")).unwrap().kind(), OperationType::Query);
    assert_eq!(named(Some("B")).unwrap().kind(), OperationType::Mutation);
    assert_ne!(named(Some("A")).unwrap().hash(), named(Some("B")).unwrap().hash());
    assert_eq!(named(None).unwrap_err().errors[0].message, "Operation name required in request.");
    assert_eq!(named(Some("C")).unwrap_err().errors[0].message, "Unknown operation named \"C\"");
}

#[test]
fn the_introspection_query_of_graphiql_is_within_the_limits() {
    let deepest = (0..9).fold("kind name".to_owned(), |inner, _| format!("kind name ofType {{ {inner} }}"));
    let introspection = format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }} subscriptionType {{ name kind }}
            types {{ ...FullType }} directives {{ name description locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
        fragment FullType on __Type {{ kind name description
            fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }} isDeprecated deprecationReason }}
            inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
            enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} possibleTypes {{ ...TypeRef }} }}
        fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
        fragment TypeRef on __Type {{ {deepest} }}"
    );
    let documents = documents(DocumentOptions::default());
    let prepared = prepare(&documents, OperationRequest::new(introspection)).unwrap();
    assert_eq!(prepared.cost(), 100);
}

#[test]
fn variables_get_their_defaults() {
    let documents = documents(DocumentOptions::default());
    let request = OperationRequest::new(
        "query ($in: Boolean = true, $n: Int = 3) { products(first: $n) @include(if: $in) { nodes { id } } }",
    );
    let prepared = prepare(&documents, request).unwrap();
    assert_eq!(prepared.cost(), 1 + 3);
    assert_eq!(prepared.variables.into_value(), value!({ "in": true, "n": 3 }));
}

/// A request with Apollo's extension, with or without a document.
fn apollo(query: Option<&str>, extension: serde_json::Value) -> OperationRequest {
    let extension = Value::from_json(extension).unwrap();
    OperationRequest {
        query: query.map(str::to_owned),
        extensions: [("persistedQuery".to_owned(), extension)].into(),
        ..OperationRequest::default()
    }
}

fn hex(text: &str) -> String {
    hex::encode(hash(text))
}

fn outcome(result: Result<PreparedOperation, Box<Response>>) -> String {
    match result {
        Ok(prepared) => prepared.text().to_owned(),
        Err(refused) => format!(
            "{}: {}",
            extension(&refused, "code").into_json().unwrap().as_str().unwrap(),
            refused.errors[0].message
        ),
    }
}

#[test]
fn clients_register_documents_by_their_hash() {
    let documents = documents(DocumentOptions::default());
    let query = "{ me { id } }";
    let id = hex(query);
    let by_hash = || apollo(None, json!({ "version": 1, "sha256Hash": id }));
    let not_found = "PERSISTED_QUERY_NOT_FOUND: PersistedQueryNotFound";
    let invalid = "{ nothing }";
    for (request, expected) in [
        (by_hash(), not_found),
        (OperationRequest::new(query), query),
        (
            apollo(Some(invalid), json!({ "version": 1, "sha256Hash": hex(invalid) })),
            "BAD_USER_INPUT: Cannot query field \"nothing\" on type \"Query\".",
        ),
        (apollo(None, json!({ "version": 1, "sha256Hash": hex(invalid) })), not_found),
        (
            apollo(Some("{ me { name } }"), json!({ "version": 1, "sha256Hash": id })),
            "BAD_USER_INPUT: provided sha does not match query",
        ),
        (
            apollo(Some(query), json!({ "version": 2, "sha256Hash": id })),
            "BAD_USER_INPUT: Unsupported persisted query version",
        ),
        (
            apollo(Some(query), json!({ "version": 1 })),
            "BAD_USER_INPUT: `extensions.persistedQuery.sha256Hash` must be a string.",
        ),
        (apollo(Some(query), json!(true)), "BAD_USER_INPUT: `extensions.persistedQuery` must be an object."),
        (apollo(Some(query), json!({ "version": 1, "sha256Hash": id })), query),
        (by_hash(), query),
        (apollo(Some(""), json!({ "version": 1, "sha256Hash": id.to_uppercase() })), query),
        (OperationRequest { document_id: Some(format!("sha256:{id}")), ..OperationRequest::default() }, query),
        (
            OperationRequest { document_id: Some(format!("sha256:{}", hex("x"))), ..OperationRequest::default() },
            not_found,
        ),
        (
            OperationRequest { document_id: Some(id.clone()), ..OperationRequest::new(query) },
            "BAD_USER_INPUT: Send `query` or `documentId`, not both.",
        ),
        (
            OperationRequest { document_id: Some("a".to_owned()), ..by_hash() },
            "BAD_USER_INPUT: Send `documentId` or `extensions.persistedQuery`, not both.",
        ),
        (apollo(Some(query), serde_json::Value::Null), query),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(outcome(prepare(&documents, request)), expected, "{shown}");
    }
    let strange = OperationRequest { document_id: Some("a".to_owned()), ..OperationRequest::default() };
    assert!(
        outcome(prepare(&documents, strange))
            .starts_with("PERSISTED_QUERY_NOT_FOUND: There is no document with this id")
    );
}

#[test]
fn registered_documents_outlive_the_cache_of_valid_documents() {
    let documents = documents(DocumentOptions { cache: 0, ..DocumentOptions::default() });
    let query = "{ me { id } }";
    let extension = json!({ "version": 1, "sha256Hash": hex(query) });
    prepare(&documents, apollo(Some(query), extension.clone())).unwrap();
    assert_eq!(cached(&documents), 0);
    assert_eq!(outcome(prepare(&documents, apollo(None, extension))), query);
}

#[test]
fn with_a_manifest_no_other_document_runs() {
    let (me, tasks) = ("query Me { me { id } }", "query Tasks { tasks { nodes { id } } }");
    let manifest = Manifest::parse(&json!({ "0af5": me, (hex(tasks)): tasks }).to_string()).unwrap();
    let documents = documents(DocumentOptions { registry: Registry::Only(manifest), ..DocumentOptions::default() });
    let id = |id: &str| OperationRequest { document_id: Some(id.to_owned()), ..OperationRequest::default() };
    let unknown = "PERSISTED_QUERY_NOT_FOUND: This server runs the operations of its manifest only, and there is none with this id.";
    let refused = "FORBIDDEN: This server runs the operations of its manifest only, and this document is none of them.";
    let other = "query Me { me { name } }";
    for (request, expected) in [
        (id("0af5"), me),
        (id(&format!("sha256:{}", hex(me))), me),
        (id(&format!("sha256:{}", hex(tasks))), tasks),
        (id(&hex(tasks)), tasks),
        (apollo(None, json!({ "version": 1, "sha256Hash": hex(tasks) })), tasks),
        (apollo(None, json!({ "version": 1, "sha256Hash": "0af5" })), me),
        (apollo(Some(tasks), json!({ "version": 1, "sha256Hash": hex(tasks) })), tasks),
        (OperationRequest::new(me), me),
        (OperationRequest::new(other), refused),
        (OperationRequest::new("{ __schema { queryType { name } } }"), refused),
        (apollo(Some(other), json!({ "version": 1, "sha256Hash": hex(other) })), refused),
        (apollo(None, json!({ "version": 1, "sha256Hash": hex(other) })), unknown),
        (id("0af6"), unknown),
        (id(""), unknown),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(outcome(prepare(&documents, request)), expected, "{shown}");
    }
}

#[test]
fn a_manifest_with_an_operation_that_cannot_run_is_refused() {
    let apollo = |name: &str, body: &str| {
        json!({ "format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{ "id": "abc", "name": name, "type": "query", "body": body }] })
    };
    let deep = "query A { me ".to_owned()
        + &"{ orders { nodes { customer ".repeat(10)
        + "{ id }"
        + &" } } }".repeat(10)
        + " }";
    for (manifest, told) in [
        (json!({ "abc": "{ me { nothing } }" }), "the operation \"abc\" is not valid: Cannot query field \"nothing\""),
        (apollo("A", "query A { me { nothing } }"), "the operation \"A\" is not valid: Cannot query field \"nothing\""),
        (apollo("A", "query A {"), "the operation \"A\" is not valid:"),
        (apollo("A", "query B { me { id } }"), "the operation \"A\" is not valid: Unknown operation named \"A\""),
        (apollo("A", &deep), "the operation \"A\" is not valid: The operation exceeds the limit `depth`"),
        (json!({ "abc": "query A { me { id } } query B { me { id } }" }), "Operation name required"),
    ] {
        let registry = Registry::Only(Manifest::parse(&manifest.to_string()).unwrap());
        let options = DocumentOptions { registry, ..DocumentOptions::default() };
        let error = Documents::new(&crate::graphql::sdl(), SCALARS, true, options).err().unwrap();
        assert!(error.to_string().contains(told), "{error}");
    }
}
