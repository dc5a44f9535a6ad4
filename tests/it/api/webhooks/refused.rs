//! Webhooks that are refused, and how many there may be.

use std::collections::HashSet;

use orderwire::domain::UserRole;
use serde_json::{Value, json};

use super::CREATE;
use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    bad_webhooks_are_refused_with_the_reason
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
