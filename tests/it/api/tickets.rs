//! Tickets: short-lived credentials in the URL of an event stream.

use std::time::Duration;

use async_graphql::Variables;
use orderwire::{
    auth::AccessTokens,
    domain::{Clock, SystemClock, UserRole, Viewer},
    graphql::OperationRequest,
    service::OperationHash,
};
use serde_json::{Value, json};

use crate::support::api::{PASSWORD, TestApi};

on_each_engine! {
    a_ticket_is_for_one_subscription_in_one_session
    an_old_ticket_can_only_resume
    tickets_for_queries_and_mutations_are_refused
}

const WATCH: &str = "subscription W($order: ID) { orderUpdates(orderId: $order) { kind } }";
const CREATE: &str = "mutation ($input: CreateStreamTicketInput!) { createStreamTicket(input: $input) { ticket { value expiresAt } userErrors { code field } } }";

/// A customer with a session that is in the store.
async fn signed_in(api: &TestApi) -> Viewer {
    api.new_user("anna", UserRole::Customer).await;
    api.service.login("anna@example.com", PASSWORD.to_owned(), None).await.unwrap().viewer()
}

async fn hash(api: &TestApi, query: &str, name: Option<&str>, variables: Value) -> OperationHash {
    let mut request = OperationRequest::new(query).variables(Variables::from_json(variables));
    request.operation_name = name.map(ToOwned::to_owned);
    api.prepare(request).await.unwrap().hash()
}

async fn a_ticket_is_for_one_subscription_in_one_session(api: TestApi) {
    let anna = signed_in(&api).await;
    let variables = json!({ "order": "ord_1", "a": [1, { "b": null }] });
    let input = json!({ "query": WATCH, "operationName": "W", "variables": variables.to_string() });
    let payload = api.data(anna, CREATE, json!({ "input": input })).await["createStreamTicket"].clone();
    assert_eq!(payload["userErrors"], json!([]));
    let ticket = payload["ticket"]["value"].as_str().unwrap();
    let holder = api
        .service
        .authenticate_ticket(ticket, hash(&api, WATCH, Some("W"), variables.clone()).await, false)
        .await
        .unwrap();
    assert_eq!((holder.viewer, holder.expires_at), (anna, None));
    for other in [
        hash(&api, &WATCH.replace("kind", "kind cursor"), Some("W"), variables.clone()).await,
        hash(&api, WATCH, None, variables.clone()).await,
        hash(&api, WATCH, Some("W"), json!({ "order": "ord_2", "a": [1, { "b": null }] })).await,
        hash(&api, WATCH, Some("W"), json!({})).await,
    ] {
        assert!(api.service.authenticate_ticket(ticket, other, true).await.is_err());
    }
    let operation = hash(&api, &WATCH.replace(' ', "\n  "), Some("W"), variables).await;
    assert!(api.service.authenticate_ticket(ticket, operation, true).await.is_ok(), "spelled in another way");
    api.service.logout(&anna).await.unwrap();
    assert!(api.service.authenticate_ticket(ticket, operation, true).await.is_err(), "the session has ended");
}

async fn an_old_ticket_can_only_resume(api: TestApi) {
    let Viewer::User { id, session, .. } = signed_in(&api).await else { panic!("the viewer should be signed in") };
    let operation = hash(&api, WATCH, None, json!({})).await;
    // Sign with the same key as the service.
    let made = SystemClock.now().minus(AccessTokens::TICKET_LIFETIME + Duration::from_secs(1));
    let ticket = AccessTokens::hs256(&[7; 32], Duration::from_secs(900))
        .unwrap()
        .issue_ticket(id, session, operation, made)
        .unwrap()
        .value;
    let refused = api.service.authenticate_ticket(&ticket, operation, false).await.unwrap_err();
    assert!(refused.to_string().contains("expired"), "{refused}");
    assert_eq!(api.service.authenticate_ticket(&ticket, operation, true).await.unwrap().viewer.user_id(), Some(id));
}

async fn tickets_for_queries_and_mutations_are_refused(api: TestApi) {
    let anna = signed_in(&api).await;
    for (input, field) in [
        (json!({ "query": "{ me { id } }" }), "query"),
        (json!({ "query": "mutation { logout { userErrors { code } } }" }), "query"),
        (json!({ "query": "subscription {" }), "query"),
        (json!({ "query": "" }), "query"),
        (json!({ "query": WATCH, "operationName": "Other" }), "query"),
        (json!({ "query": WATCH, "variables": "[1]" }), "variables"),
        (json!({ "query": WATCH, "variables": "{" }), "variables"),
    ] {
        let payload = api.data(anna, CREATE, json!({ "input": input })).await["createStreamTicket"].clone();
        let errors = json!([{ "code": "INVALID_INPUT", "field": [field] }]);
        assert_eq!(payload, json!({ "ticket": null, "userErrors": errors }), "{input}");
    }
}
