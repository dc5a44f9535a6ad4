//! Webhooks that are refused, and how many there may be.

use std::collections::HashSet;

use orderwire::domain::{Scope, UserRole};
use serde_json::{Value, json};

use super::CREATE;
use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    bad_webhooks_are_refused_with_the_reason
    an_api_key_changes_only_webhooks_of_events_that_it_may_read
}

async fn bad_webhooks_are_refused_with_the_reason(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let refused = async |url: &str, kinds: Value| {
        let input = json!({ "url": url, "kinds": kinds });
        let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
        assert_eq!((&made["webhook"], &made["secret"]), (&Value::Null, &Value::Null), "{url}");
        let error = made["userErrors"][0].clone();
        assert_eq!(error["code"], "INVALID_INPUT", "{url}");
        (error["field"][0].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    };
    // 127.0.0.0/8 is allowed here, so nothing else of this machine and its networks is.
    for (url, reason) in [
        ("nonsense", "absolute URL"),
        ("ftp://example.com/", "https://"),
        ("https://ann:secret@127.0.0.1/", "password"),
        ("http://127.0.0.1:25/", "port 25"),
        ("http://127.0.0.1/#x", "fragment"),
        ("http://10.0.0.1/", "not public"),
        ("http://192.168.0.1:8080/", "not public"),
        ("http://172.16.5.4/", "not public"),
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://100.100.100.200/", "not public"),
        ("http://0.0.0.0/", "not public"),
        ("http://0/", "not public"),
        ("http://167772161/", "not public"),
        ("http://0x0a.0.0.1/", "not public"),
        ("http://012.0.0.1/", "not public"),
        ("http://10.1/", "not public"),
        ("http://[::1]/", "not public"),
        ("http://[::]/", "not public"),
        ("http://[fe80::1]/", "not public"),
        ("http://[fd00::1]/", "not public"),
        ("http://[::ffff:10.0.0.1]/", "not public"),
        ("http://[::10.0.0.1]/", "not public"),
        ("http://[64:ff9b::a00:1]/", "not public"),
        ("http://[2002:a00:1::]/", "not public"),
        ("http://255.255.255.255/", "not public"),
        ("http://224.0.0.1/", "not public"),
    ] {
        let (field, message) = refused(url, json!(["ORDER_PLACED"])).await;
        assert_eq!(field, "url", "{url}");
        assert!(message.contains(reason), "{url}: {message}");
    }
    assert_eq!(refused("http://no-such-host.invalid/", json!(["ORDER_PLACED"])).await.0, "url");
    assert_eq!(refused("http://127.0.0.1:9999/", json!([])).await.0, "kinds");
    let missing = "mutation { updateWebhook(input: { id: \"whk_01J9Z3NDEKTSV4RRFFQ69G5FAV\", paused: true }) { userErrors { code } } }";
    assert_eq!(api.data(admin, missing, json!({})).await["updateWebhook"]["userErrors"][0]["code"], "NOT_FOUND");
    for number in 0..100 {
        let input = json!({ "url": format!("http://127.0.0.1:9999/{number}"), "kinds": ["ORDER_PLACED"] });
        let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
        assert_eq!(made["userErrors"], json!([]), "{number}");
    }
    let input = json!({ "url": "http://127.0.0.1:9999/", "kinds": ["ORDER_PLACED"] });
    let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
    assert!(made["userErrors"][0]["message"].as_str().unwrap().contains("100 webhooks"));
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let list = "query ($after: String) { webhooks(first: 30, after: $after) { nodes { id } edges { cursor } pageInfo { hasNextPage endCursor } } }";
        let page = api.data(admin, list, json!({ "after": after })).await["webhooks"].clone();
        seen.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let distinct: HashSet<String> = seen.iter().map(Value::to_string).collect();
    assert_eq!((seen.len(), distinct.len()), (100, 100));
    let wrong = api.response(admin, "{ webhooks(after: \"x\") { nodes { id } } }", json!({})).await;
    assert_eq!(error_codes(&wrong), ["BAD_USER_INPUT"]);
}

/// Who decides where a webhook is sent, or what it is sent again, could have it sent to themselves.
async fn an_api_key_changes_only_webhooks_of_events_that_it_may_read(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let key = async |scopes: &[Scope]| {
        let create =
            "mutation ($scopes: [Scope!]!) { createApiKey(input: { name: \"K\", scopes: $scopes }) { secret } }";
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let made = api.data(admin, create, json!({ "scopes": scopes })).await;
        api.authenticate(made["createApiKey"]["secret"].as_str().unwrap()).await.unwrap()
    };
    let manages = key(&[Scope::ManageWebhooks]).await;
    let reads_orders = key(&[Scope::ManageWebhooks, Scope::ReadOrders]).await;
    let all = key(&Scope::ALL).await;
    let create = async |viewer, kinds: &[&str], document: Option<&str>| {
        let input = json!({ "url": "http://127.0.0.1:9999/", "kinds": kinds, "document": document });
        api.response(viewer, CREATE, json!({ "input": input })).await
    };
    for (kind, scope) in [
        ("ORDER_UPDATED", "READ_ORDERS"),
        ("TASK_DELETED", "READ_TASKS"),
        ("STOCK_CHANGED", "READ_PRODUCTS"),
        ("USER_UPDATED", "READ_USERS"),
    ] {
        let refused = create(manages, &[kind], None).await;
        assert_eq!(refused.errors[0].message, format!("the API key lacks the scope {scope}"));
        assert_eq!(create(all, &[kind], None).await.errors, []);
    }
    assert_eq!(create(reads_orders, &["ORDER_PLACED", "TASK_CREATED"], None).await.errors.len(), 1);

    let document = "query ($id: ID!) { event(id: $id) { actor { email } } }";
    let made = async |document| {
        let made = create(admin, &["ORDER_PLACED"], document).await.data.into_json().unwrap();
        made["createWebhook"]["webhook"].clone()
    };
    let mutations = [
        "updateWebhook(input: { id: $id, url: \"http://127.0.0.1:9999/x\" }) { userErrors { code } }",
        "updateWebhook(input: { id: $id, paused: true }) { userErrors { code } }",
        "rotateWebhookSecret(input: { id: $id }) { userErrors { code } }",
        "replayWebhook(input: { id: $id, after: $cursor }) { userErrors { code } }",
        "testWebhook(input: { id: $id }) { delivery { id } userErrors { code } }",
        "deleteWebhook(input: { id: $id }) { userErrors { code } }",
    ];
    let (plain, with_document) = (made(None).await, made(Some(document)).await);
    let errors = async |viewer, webhook: &Value, mutation: &str| {
        let cursor = if mutation.contains("$cursor") { ", $cursor: EventCursor!" } else { "" };
        let mutation = format!("mutation ($id: ID!{cursor}) {{ {mutation} }}");
        let variables = json!({ "id": webhook["id"], "cursor": webhook["cursor"] });
        let response = api.response(viewer, &mutation, variables).await;
        response.errors.into_iter().map(|error| error.message).collect::<Vec<_>>()
    };
    for mutation in mutations {
        assert_eq!(errors(manages, &plain, mutation).await, ["the API key lacks the scope READ_ORDERS"], "{mutation}");
        let refused = errors(all, &with_document, mutation).await;
        assert!(refused[0].contains("a webhook with a document"), "{mutation}: {refused:?}");
    }
    // Nor may a key have a webhook that it may change sent what it may not read.
    let kinds = "updateWebhook(input: { id: $id, kinds: [TASK_CREATED] }) { userErrors { code } }";
    assert_eq!(errors(reads_orders, &plain, kinds).await, ["the API key lacks the scope READ_TASKS"]);
    for mutation in mutations {
        assert_eq!(errors(reads_orders, &plain, mutation).await, [""; 0], "{mutation}");
        assert_eq!(errors(admin, &with_document, mutation).await, [""; 0], "{mutation}");
    }
}
