//! Document limits, costs and registered documents on a real server, over every transport.

use std::path::Path;

use orderwire::{
    app::App,
    config::{Config, Environment},
};
use reqwest::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{
    app::{RunningApp as Server, config},
    ws::Client,
};

fn hex(document: &str) -> String {
    Sha256::digest(document).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn document_limits_hold_over_each_transport() {
    let server = Server::start(&config()).await;
    let aliases: String = (0..101).map(|n| format!("a{n}: id ")).collect();
    let roots: String = (0..51).map(|n| format!("a{n}: me {{ id }} ")).collect();
    let doubling: String =
        (0..30).map(|n| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }} ", m = n + 1)).collect();
    let costly = "query ($n: Int) { orders(first: $n) { nodes { tasks(first: $n) { nodes { id } } } } }";
    for (limit, value, most, request) in [
        ("aliases", 101, 100, json!({ "query": format!("{{ me {{ {aliases} }} }}") })),
        ("rootFields", 51, 50, json!({ "query": format!("{{ {roots} }}") })),
        ("depth", 31, 24, json!({ "query": "{ me ".repeat(31) + &"}".repeat(31) })),
        ("directives", 120, 100, json!({ "query": format!("{{ me {{ id {} }} }}", "@skip(if: false) ".repeat(120)) })),
        (
            "fields",
            0,
            4000,
            json!({ "query": format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ me {{ id }} }}") }),
        ),
        ("tokens", 4105, 4000, json!({ "query": format!("{{ me {{ {} }} }}", "id ".repeat(4100)) })),
        (
            "nesting",
            72,
            64,
            json!({ "query": format!("{{ nodes(ids: {}{}) {{ id }} }}", "[".repeat(70), "]".repeat(70)) }),
        ),
        ("cost", 1 + 100 * (1 + 1 + 100), 10_000, json!({ "query": costly, "variables": { "n": 100 } })),
        (
            "cost",
            1 + 100 * (1 + 1 + 100),
            10_000,
            json!({ "query": costly.replace("query ($n: Int)", "query ($n: Int = 100)") }),
        ),
    ] {
        for (transport, answer) in server.answers(&request).await {
            let error = &answer["errors"][0];
            let extensions = &error["extensions"];
            assert_eq!(extensions["code"], "QUERY_TOO_COMPLEX", "{limit} by {transport}: {answer}");
            assert_eq!(extensions["limit"], most, "{limit} by {transport}: {answer}");
            if value > 0 {
                assert_eq!(extensions[limit], value, "{limit} by {transport}: {answer}");
            }
            let expected = format!("`{limit}`: it has {}, at most {most}", extensions[limit]);
            assert!(error["message"].as_str().unwrap().contains(&expected), "{limit} by {transport}: {answer}");
            assert_eq!(answer.get("data"), None, "{limit} by {transport}: {answer}");
        }
        assert_eq!(server.answer(false, &request).await.0, StatusCode::BAD_REQUEST);
    }
    let long = json!({ "query": format!("{{ me {{ id }} }} # {}", "x".repeat(70_000)) });
    let (status, answer) = server.answer(false, &long).await;
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["limit"]),
        (StatusCode::BAD_REQUEST, &json!(65_536)),
        "{answer}"
    );
    let mut client = Client::open(server.address).await;
    client.send(json!({ "id": "1", "type": "subscribe", "payload": long })).await;
    assert_eq!(client.receive().await["payload"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX");
    server.stop().await;
}

#[tokio::test]
async fn document_limits_can_be_configured() {
    let mut config = config();
    config.limits.cost = 20;
    let server = Server::start(&config).await;
    let products = |first: i32| json!({ "query": format!("{{ products(first: {first}) {{ nodes {{ id }} }} }}") });
    assert_eq!(server.answer(false, &products(19)).await.0, StatusCode::OK);
    let (status, answer) = server.answer(false, &products(20)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["errors"][0]["extensions"], json!({ "code": "QUERY_TOO_COMPLEX", "cost": 21, "limit": 20 }));
    server.stop().await;
}

#[tokio::test]
async fn the_cost_is_reported_on_request_over_each_transport() {
    let server = Server::start(&config()).await;
    let query = "query ($n: Int) { products(first: $n) { nodes { id } totalCount } }";
    let request = json!({ "query": query, "variables": { "n": 7 }, "extensions": { "cost": true } });
    for (transport, answer) in server.answers(&request).await {
        let cost = json!({ "requestedQueryCost": 18, "actualQueryCost": 18, "maximumQueryCost": 10_000 });
        assert_eq!(answer["extensions"], json!({ "cost": cost }), "{transport}: {answer}");
        assert!(answer["data"]["products"].is_object(), "{transport}: {answer}");
    }
    for (transport, answer) in server.answers(&json!({ "query": query })).await {
        assert_eq!(answer.get("extensions"), None, "{transport}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn batches_and_deep_variables_are_refused() {
    let server = Server::start(&config()).await;
    let batch = json!([{ "query": "{ me { id } }" }, { "query": "{ me { id } }" }]);
    let (status, answer) = server.answer(false, &batch).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("Batches are not supported"), "{answer}");
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let nested = (0..100).fold(json!("prd_1"), |inner, _| json!([inner]));
    for (ids, reason) in [
        (nested, "Invalid value for variable \"ids.0\", expected type \"ID!\""),
        (json!(vec!["prd_1"; 10_000]), "ids: at most 100"),
        (json!(null), "Invalid value for variable \"ids\", expected type \"[ID!]!\""),
    ] {
        let (_, answer) = server.answer(false, &json!({ "query": query, "variables": { "ids": ids } })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(reason), "{reason}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn mutations_are_not_run_by_get_in_any_form() {
    let server = Server::start(&config()).await;
    let mutation = "mutation { logout { userErrors { code } } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex(mutation) } });
    let (status, answer) = server.answer(false, &json!({ "query": mutation, "extensions": extensions })).await;
    assert_eq!((status, answer.get("data").is_some()), (StatusCode::OK, true), "{answer}");
    for request in [
        json!({ "query": mutation }),
        json!({ "extensions": extensions }),
        json!({ "documentId": format!("sha256:{}", hex(mutation)) }),
    ] {
        assert_eq!(server.answer(true, &request).await.0, StatusCode::METHOD_NOT_ALLOWED, "{request}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_registered_document_runs_by_hash_over_each_transport() {
    let server = Server::start(&config()).await;
    let query = "query ($n: Int = 1) { products(first: $n) { nodes { id } } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex(query) } });
    let by_hash = json!({ "extensions": extensions });
    for (transport, answer) in server.answers(&by_hash).await {
        let error = &answer["errors"][0];
        let found = (error["message"].as_str().unwrap(), error["extensions"]["code"].as_str().unwrap());
        assert_eq!(found, ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"), "{transport}");
    }
    let wrong = json!({ "query": "{ __typename }", "extensions": extensions });
    for (transport, answer) in server.answers(&wrong).await {
        assert_eq!(answer["errors"][0]["message"], "provided sha does not match query", "{transport}");
    }
    server.answer(false, &json!({ "query": query, "extensions": extensions })).await;
    for request in [by_hash, json!({ "documentId": format!("sha256:{}", hex(query)), "variables": { "n": 3 } })] {
        for (transport, answer) in server.answers(&request).await {
            assert_eq!(answer, json!({ "data": { "products": { "nodes": [] } } }), "{transport}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_by_hash_stays_open() {
    let server = Server::start(&config()).await;
    let subscription = "subscription { taskUpdates { kind } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hex(subscription) } });
    let mut client = Client::open(server.address).await;
    client.send(json!({ "id": "1", "type": "subscribe", "payload": { "extensions": extensions } })).await;
    assert_eq!(client.receive().await["payload"][0]["message"], "PersistedQueryNotFound");
    client
        .send(json!({ "id": "1", "type": "subscribe", "payload": { "query": subscription, "extensions": extensions } }))
        .await;
    // The client is anonymous, so the subscription itself is refused.
    assert_eq!(client.receive().await["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");
    client.send(json!({ "id": "1", "type": "subscribe", "payload": { "extensions": extensions } })).await;
    assert_eq!(client.receive().await["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");
    server.stop().await;
}

fn with_manifest(manifest: &Path) -> Config {
    let mut config = config();
    config.operations.manifest = Some(manifest.to_owned());
    config
}

#[tokio::test]
async fn with_a_manifest_only_its_operations_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operations.json");
    let query = "query Products { products { nodes { id } } }";
    std::fs::write(&path, json!({ "b8ed": query }).to_string()).unwrap();
    let server = Server::start(&with_manifest(&path)).await;
    for request in [json!({ "documentId": "b8ed" }), json!({ "documentId": "b8ed", "operationName": "Products" })] {
        for (transport, answer) in server.answers(&request).await {
            assert_eq!(answer, json!({ "data": { "products": { "nodes": [] } } }), "{transport}");
        }
    }
    for (request, code, status) in [
        (json!({ "query": "{ products { nodes { id } } }" }), "FORBIDDEN", StatusCode::FORBIDDEN),
        (json!({ "documentId": "b8ee" }), "PERSISTED_QUERY_NOT_FOUND", StatusCode::BAD_REQUEST),
    ] {
        for (transport, answer) in server.answers(&request).await {
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{transport}: {answer}");
            assert!(answer["errors"][0]["message"].as_str().unwrap().contains("manifest"), "{transport}: {answer}");
        }
        assert_eq!(server.answer(false, &request).await.0, status);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_used_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operations.json");
    let message = async || App::start(&with_manifest(&path)).await.err().expect("no server").to_string();
    assert!(message().await.contains("operations.manifest: cannot read"), "{}", message().await);
    std::fs::write(&path, "[]").unwrap();
    assert!(message().await.contains("not a manifest of operations"), "{}", message().await);
    std::fs::write(&path, json!({ "b8ed": "query Orders { orders { nothing } }" }).to_string()).unwrap();
    let found = message().await;
    assert!(found.contains("the operation \"b8ed\" is not valid: Cannot query field \"nothing\""), "{found}");
}

#[tokio::test]
async fn production_does_not_answer_introspection() {
    let mut config = config();
    config.environment = Environment::Production;
    config.auth.jwt_secret = Some(orderwire::config::Secret::new("a secret of 32 bytes and some more"));
    let server = Server::start(&config).await;
    let (_, answer) = server.answer(false, &json!({ "query": "{ __schema { queryType { name } } }" })).await;
    assert_ne!(answer["data"]["__schema"]["queryType"]["name"], "Query", "{answer}");
    server.stop().await;
}
