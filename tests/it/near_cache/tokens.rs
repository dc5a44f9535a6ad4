//! A read that brings the token of a mutation sees what it committed, on each node.

use std::{sync::Arc, time::Duration};

use orderwire::{domain::*, graphql::OperationRequest};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    contract::engine::Db,
    support::api::{TestApi, error_codes},
};

const RENAME: &str = "mutation ($id: ID!, $name: String!) {
    updateProduct(input: { id: $id, name: $name }) { product { name } userErrors { message } } }";
const LOOK: &str = "query ($id: ID!) { product(id: $id) { name } products(first: 5) { nodes { name } } }";

fn request(document: &str, variables: Value, token: Option<&str>) -> OperationRequest {
    let variables = async_graphql::Variables::from_json(variables);
    let mut request = OperationRequest::new(document).variables(variables);
    if let Some(token) = token {
        request.set_consistency_token(token);
    }
    request
}

/// Runs a mutation and returns its token.
async fn write(node: &TestApi, staff: Viewer, variables: Value) -> String {
    let response = node.run(staff, request(RENAME, variables, None)).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let answer = serde_json::to_value(&response.extensions).unwrap();
    answer["consistency"]["token"].as_str().expect("a mutation answers a token").to_owned()
}

async fn refused(node: &TestApi, token: &str) -> String {
    let response = node.run(Viewer::Anonymous, request(LOOK, json!({ "id": "" }), Some(token))).await;
    assert_eq!(error_codes(&response), ["BAD_USER_INPUT"], "{token}");
    response.errors[0].message.clone()
}

/// The nodes have no common bus, so one hears of the other when its feed polls.
pub async fn a_read_with_a_token_sees_the_mutation_on_each_node(db: &Db) {
    let other = db.other_node().await;
    let nodes = [TestApi::cached(db.shared()).await, TestApi::cached(other.clone()).await];
    let staff = nodes[0].viewer("staff", UserRole::Staff).await;
    let id = nodes[0].product(staff, json!({ "sku": "lamp", "name": "0", "price": "1" })).await;
    for round in 1..=20 {
        let [here, there] = if round % 2 == 0 { [&nodes[0], &nodes[1]] } else { [&nodes[1], &nodes[0]] };
        // Both have it in memory.
        for node in &nodes {
            node.data(Viewer::Anonymous, LOOK, json!({ "id": id })).await;
        }
        let name = round.to_string();
        let token = write(here, staff, json!({ "id": id, "name": name })).await;
        for node in [there, here] {
            let response = node.run(Viewer::Anonymous, request(LOOK, json!({ "id": id }), Some(&token))).await;
            assert!(response.errors.is_empty(), "{:?}", response.errors);
            assert!(response.extensions.is_empty(), "a query answers no token");
            let data = response.data.into_json().unwrap();
            assert_eq!(data, json!({ "product": { "name": name }, "products": { "nodes": [{ "name": name }] } }));
        }
    }
    other.close().await;
}

/// The node tries to read the log, and no answer comes.
pub async fn a_read_with_a_token_sees_the_mutation_on_a_node_whose_feed_never_catches_up(db: &Db) {
    let other = db.other_node().await;
    let nodes = [TestApi::cached(db.shared()).await, TestApi::cached(other.clone()).await];
    let staff = nodes[0].viewer("staff", UserRole::Staff).await;
    let id = nodes[0].product(staff, json!({ "sku": "lamp", "name": "0", "price": "1" })).await;
    nodes[1].data(Viewer::Anonymous, LOOK, json!({ "id": id })).await;
    nodes[1].run_before_calls(Arc::new(|method| {
        Box::pin(async move {
            if method == "catch_up_log" {
                std::future::pending::<()>().await;
            }
        })
    }));
    for name in ["1", "2"] {
        let token = write(&nodes[0], staff, json!({ "id": id, "name": name })).await;
        let began = Instant::now();
        let response = nodes[1].run(Viewer::Anonymous, request(LOOK, json!({ "id": id }), Some(&token))).await;
        let data = response.data.into_json().unwrap();
        assert_eq!(data, json!({ "product": { "name": name }, "products": { "nodes": [{ "name": name }] } }));
        assert!(began.elapsed() < Duration::from_secs(5), "it waits for a second, once: {:?}", began.elapsed());
    }
    other.close().await;
}

pub async fn a_token_of_another_deployment_or_from_the_future_is_refused(db: &Db) {
    let node = TestApi::cached(db.shared()).await;
    let token = node.service.consistency_token();
    let after = |log, seq| ConsistencyToken { cursor: EventCursor::after(log, seq), ..token };
    let log = token.cursor.log;
    let foreign = after(LogId::new(log.0 ^ 1), 0).to_string();
    let unsealed = after(LogId::new(log.0), 0).to_string();
    let ahead = after(log, 1_000_000).to_string();
    let tomorrow = ConsistencyToken { at: token.at.plus(Duration::from_secs(86_400)), ..token }.to_string();
    for (token, why) in [
        (foreign.as_str(), "of another deployment"),
        (unsealed.as_str(), "this token is"),
        (ahead.as_str(), "from the future"),
        (tomorrow.as_str(), "from the future"),
        ("", "not a consistency token"),
        ("k12", "not a consistency token"),
    ] {
        let message = refused(&node, token).await;
        assert!(message.starts_with("orderwire-consistency: ") && message.contains(why), "{message}");
    }
    let document = request("{ products(first: 1) { nodes { id } } }", json!({}), Some(&token.to_string()));
    assert_eq!(error_codes(&node.run(Viewer::Anonymous, document).await), [""; 0]);
}
