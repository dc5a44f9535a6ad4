//! Documents that requests refer to instead of sending them.

use super::{super::hash::hash, *};
use crate::fairness::Caller;

/// A request with Apollo's extension, with or without a document.
pub(super) fn apollo(query: Option<&str>, extension: serde_json::Value) -> OperationRequest {
    let extension = Value::from_json(extension).unwrap();
    OperationRequest {
        query: query.map(str::to_owned),
        extensions: [("persistedQuery".to_owned(), extension)].into(),
        ..OperationRequest::default()
    }
}

/// Prepares a request and registers its document, as the executor does.
pub(super) fn run(documents: &Documents, request: OperationRequest) -> Result<PreparedOperation, Box<Response>> {
    let prepared = prepare(documents, request)?;
    prepared.register(Caller::Server).now_or_never().expect("nothing to wait for");
    Ok(prepared)
}

pub(super) fn hex(text: &str) -> String {
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
    let documents = documents(options());
    let query = "{me{id}}";
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
        assert_eq!(outcome(run(&documents, request)), expected, "{shown}");
    }
    let strange = OperationRequest { document_id: Some("a".to_owned()), ..OperationRequest::default() };
    assert!(
        outcome(run(&documents, strange)).starts_with("PERSISTED_QUERY_NOT_FOUND: There is no document with this id")
    );
}

#[test]
fn registered_documents_outlive_the_cache_of_valid_documents() {
    let documents = documents(DocumentOptions { cache: 0, ..options() });
    let query = "{me{id}}";
    let extension = json!({ "version": 1, "sha256Hash": hex(query) });
    run(&documents, apollo(Some(query), extension.clone())).unwrap();
    assert_eq!(cached(&documents), 0);
    assert_eq!(outcome(run(&documents, apollo(None, extension))), query);
}

#[test]
fn a_document_is_stored_as_its_canonical_text_and_found_by_the_hash_of_each_registered_spelling() {
    let documents = documents(DocumentOptions { cache: 0, ..options() });
    let spellings = ["{ me { id } }", "# me\n{\n  me {\n    id\n  }\n}\n"];
    let extension = |text: &str| json!({ "version": 1, "sha256Hash": hex(text) });
    for text in spellings {
        let registering = run(&documents, apollo(Some(text), extension(text))).unwrap();
        assert_eq!(registering.cost(), 1 + 1, "one point for up to 64 bytes");
    }
    for text in spellings.into_iter().chain(["{me{id}}"]) {
        let found = run(&documents, apollo(None, extension(text))).unwrap();
        assert_eq!((found.text(), found.cost()), ("{me{id}}", 1));
    }
}

#[test]
fn errors_of_what_runs_by_its_hash_have_no_locations() {
    let documents = documents(options());
    let text = "# one\nquery ($id: ID!) {\n  product(id: $id) { id }\n}";
    let extension = json!({ "version": 1, "sha256Hash": hex(text) });
    let locations = |request: OperationRequest| {
        let refused = prepare(&documents, request).unwrap_err();
        assert!(refused.errors[0].message.ends_with("is required"), "{refused:?}");
        refused.errors[0].locations.iter().map(|at| (at.line, at.column)).collect::<Vec<_>>()
    };
    let sent = || OperationRequest::new(text);
    let registering = || apollo(Some(text), extension.clone());
    let by_hash = || apollo(None, extension.clone());
    assert_eq!(locations(registering()), [(2, 8)], "in the text that is sent");
    let id = async_graphql::Variables::from_json(json!({ "id": "1" }));
    run(&documents, registering().variables(id)).unwrap();
    // From the cache, and from the registry, which has the canonical text; then with the text again.
    for _ in 0..2 {
        assert_eq!(locations(by_hash()), []);
        for request in [sent(), registering()] {
            assert_eq!(locations(request), [(2, 8)]);
        }
        documents.cache.invalidate_all();
    }
    let by_id = OperationRequest { document_id: Some(format!("sha256:{}", hex(text))), ..OperationRequest::default() };
    assert_eq!(locations(by_id), []);
}

#[test]
fn with_a_manifest_no_other_document_runs() {
    let (me, tasks) = ("query Me{me{id}}", "query Tasks{tasks{nodes{id}}}");
    let manifest = Manifest::parse(&json!({ "0af5": me, (hex(tasks)): tasks }).to_string()).unwrap();
    let documents = documents(DocumentOptions { registry: Registry::Only(manifest), ..options() });
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
        let options = DocumentOptions { registry, ..options() };
        let error = Documents::new(&crate::graphql::sdl(), SCALARS, true, options).err().unwrap();
        assert!(error.to_string().contains(told), "{error}");
    }
}
