//! Tests of [`Documents`], from a request to a prepared operation.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{Response, Value, Variables, parser::types::OperationType, value};
use futures_util::FutureExt;
use serde_json::json;

use super::*;
use crate::graphql::schema::SCALARS;

mod hints;
mod registered;

/// The options of the default configuration.
pub(super) fn options() -> DocumentOptions {
    crate::app::document_options(&crate::config::Config::default(), None)
}

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
    let documents = documents(options());
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
            "{ __schema { types { ".to_owned()
                + &"possibleTypes { interfaces { ".repeat(10)
                + "name"
                + &"} }".repeat(10)
                + "} } }",
            "cost",
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
    // The three documents that exceed only the limit on cost are valid, so they are cached.
    assert_eq!(cached(&documents), 3);
}

#[test]
fn errors_are_short_and_few() {
    let documents = documents(options());
    let errors = |document: String| prepare(&documents, OperationRequest::new(document)).unwrap_err().errors;
    let syntax = errors("{ me { id }".to_owned());
    assert_eq!(syntax.len(), 1, "{syntax:?}");
    assert_eq!(syntax[0].message, "syntax error: expected `}`, got the end of the document");
    let unclosed = errors("{ me(a: 1 { id } }".to_owned());
    assert_eq!(unclosed[0].message, "syntax error: expected `)`, got `{`");
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
    let documents = documents(options());
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
    let documents = documents(DocumentOptions { cache: 100_000, ..options() });
    for n in 0..1000 {
        prepare(&documents, OperationRequest::new(format!("{{ a{n}: me {{ id }} }}"))).unwrap();
    }
    documents.cache.run_pending_tasks();
    assert!((1..=100_000).contains(&documents.cache.weighted_size()), "{}", documents.cache.weighted_size());
}

#[test]
fn the_weight_of_an_operation_covers_the_values_of_its_arguments() {
    let documents = documents(options());
    let list = "LOW ".repeat(3000);
    let document = format!("{{ tasks(filter: {{ priority: [{list}] }}) {{ totalCount }} }}");
    let operation = prepare(&documents, OperationRequest::new(document)).unwrap().operation;
    assert!(operation.weight as usize > 3000 * size_of::<Value>(), "{}", operation.weight);
}

#[test]
fn plans_of_at_most_eight_combinations_are_kept() {
    let documents = documents(options());
    let document = "query ($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) {
        me { id @skip(if: $a) name @skip(if: $b) role @skip(if: $c) email @skip(if: $d) } }";
    let plan = |bits: usize| {
        let bit = |place: usize| bits >> place & 1 == 1;
        let variables = json!({ "a": bit(0), "b": bit(1), "c": bit(2), "d": bit(3) });
        let request = OperationRequest::new(document).variables(Variables::from_json(variables));
        prepare(&documents, request).unwrap().plan
    };
    let first: Vec<_> = (0..16).map(plan).collect();
    let kept = first.iter().enumerate().filter(|(bits, first)| Arc::ptr_eq(first, &plan(*bits)));
    assert_eq!(kept.count(), 8);
    let fields = |bits: usize| first[bits].plan.fields[0].objects()[0].fields.len();
    assert_eq!([0, 1, 6, 15].map(fields), [4, 3, 2, 0]);
    let size = first.iter().map(|plan| plan.plan.size()).max();
    assert_eq!(size, Some(first[0].plan.size()), "the plan that includes everything is the largest");
}

#[test]
fn operations_are_found_by_name() {
    let documents = documents(options());
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
    let documents = documents(options());
    let prepared = prepare(&documents, OperationRequest::new(introspection)).unwrap();
    assert!((100..1000).contains(&prepared.cost()), "{}", prepared.cost());
}

#[test]
fn variables_get_their_defaults() {
    let documents = documents(options());
    let request = OperationRequest::new(
        "query ($in: Boolean = true, $n: Int = 3) { products(first: $n) @include(if: $in) { nodes { id } } }",
    );
    let prepared = prepare(&documents, request).unwrap();
    assert_eq!(prepared.cost(), 1 + 3);
    assert_eq!(prepared.variables.into_value(), value!({ "in": true, "n": 3 }));
}

#[test]
fn an_id_has_the_digits_as_they_are_written() {
    let documents = documents(options());
    let ids = |text: &str| {
        let request = OperationRequest::new(format!(
            "{{ nodes(ids: {text}) {{ id }} products(filter: {{ ids: {text} }}) {{ totalCount }} }}"
        ));
        let plan = prepare(&documents, request).unwrap().plan;
        plan.plan.fields.iter().map(|field| field.arguments[0].1.to_string()).collect::<Vec<_>>()
    };
    let digits = "18446744073709551617123";
    assert_eq!(
        ids(&format!("[{digits}, -0, 7]")),
        [format!("[\"{digits}\", \"-0\", \"7\"]"), format!("{{ids: [\"{digits}\", \"-0\", \"7\"]}}")]
    );
    assert_eq!(ids(digits), [format!("[\"{digits}\"]"), format!("{{ids: [\"{digits}\"]}}")]);
}
