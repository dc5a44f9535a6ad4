//! Documents that make the payload.

use orderwire::domain::{UserRole, Viewer};
use serde_json::{Value, json};

use super::{
    CREATE, SOON, change,
    receiver::{Receiver, Reply},
    run, trade, webhook,
};
use crate::support::{api::TestApi, wait_until};

on_each_engine! {
    a_document_makes_the_payload_with_the_rights_of_who_set_it
}

async fn a_document_makes_the_payload_with_the_rights_of_who_set_it(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let user = api.new_user("admin", UserRole::Admin).await;
    let admin = api.viewer_of(&user).await;
    let receiver = Receiver::start(|_| Reply::Take).await;
    let refused = async |document: &str| {
        let input = json!({ "url": receiver.url(), "kinds": ["ORDER_PLACED"], "document": document });
        let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
        assert_eq!(made["webhook"], Value::Null, "{document}");
        assert_eq!(made["userErrors"][0]["field"], json!(["document"]), "{document}");
        made["userErrors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert!(refused("mutation { logout { userErrors { code } } }").await.contains("must be a query"));
    assert!(refused("subscription { orderUpdates { kind } }").await.contains("must be a query"));
    refused("query ($id: ID!) { event(id: $id) { nothing } }").await;
    refused("query ($id: ID!, $more: Int!) { event(id: $id) { id } products(first: $more) { nodes { id } } }").await;
    refused("nonsense").await;
    let nested = "users(first: 100) { nodes { orders(first: 100) { nodes { id customer { id } } } } }";
    assert!(refused(&format!("{{ {nested} }}")).await.contains("cost"));
    let document = "query ($id: ID!) { event(id: $id) { kind entity { ... on Order { number customer { email } } } } }";
    let input = json!({ "url": receiver.url(), "kinds": ["ORDER_PLACED"], "document": document });
    let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
    let id = made["webhook"]["id"].as_str().unwrap().to_owned();
    let running = run(&api);
    trade(&api, staff, 0..1).await;
    wait_until("it has arrived", SOON, async || receiver.count() == 1).await;
    let body: Value = serde_json::from_str(&receiver.taken.lock()[0].body).unwrap();
    let number =
        api.data(staff, "{ orders { nodes { number } } }", json!({})).await["orders"]["nodes"][0]["number"].clone();
    let customer = json!({ "email": "staff@example.com" });
    let event = json!({ "kind": "ORDER_PLACED", "entity": { "number": number, "customer": customer } });
    assert_eq!((&body["type"], &body["data"]), (&json!("order.placed"), &json!({ "event": event })));
    // Who set it may not read the log any more.
    api.service.update_user_role(&Viewer::System, user.id, UserRole::Customer).await.unwrap();
    trade(&api, staff, 1..2).await;
    wait_until("it fails", SOON, async || webhook(&api, staff, &id).await["consecutiveFailures"] != 0).await;
    assert!(webhook(&api, staff, &id).await["lastError"].as_str().unwrap().contains("the document failed"));
    assert_eq!(receiver.count(), 1);
    // Somebody who may sets it anew.
    let other = api.viewer("other", UserRole::Admin).await;
    let set = "mutation ($id: ID!, $document: String) { updateWebhook(input: { id: $id, document: $document }) { webhook { document } userErrors { code } } }";
    let set = change(&api, other, set, json!({ "id": id, "document": document })).await;
    assert_eq!(set["webhook"]["document"], document);
    wait_until("it goes on", SOON, async || receiver.count() == 2).await;
    running.stop().await;
}
