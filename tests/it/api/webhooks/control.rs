//! What admins and staff do with webhooks: they pause, replay and try them, rotate secrets, and see attempts.

use orderwire::domain::{EventId, LogFilter, UserRole, Viewer, WebhookStatus};
use serde_json::{Value, json};

use super::{
    SOON, change, create, head, logged,
    receiver::{Received, Receiver, Reply},
    run, trade, webhook,
};
use crate::support::{api::TestApi, wait_until};

on_each_engine! {
    a_paused_webhook_waits_and_a_replayed_one_is_sent_everything_again
    both_secrets_sign_while_one_is_rotated
    attempts_are_recorded_with_their_answers
    a_test_is_sent_at_once_and_moves_nothing
}

async fn a_paused_webhook_waits_and_a_replayed_one_is_sent_everything_again(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|_| Reply::Take).await;
    let other = Receiver::start(|_| Reply::Take).await;
    let kinds = ["TASK_CREATED"];
    let (id, _) = create(&api, admin, &receiver, &kinds).await;
    let cursor = api.data(staff, "{ eventCursor }", json!({})).await["eventCursor"].clone();
    let start = head(&api).await;
    let running = run(&api);
    trade(&api, staff, 0..3).await;
    wait_until("the first have arrived", SOON, async || receiver.count() == 3).await;
    let pause = "mutation ($id: ID!, $paused: Boolean) { updateWebhook(input: { id: $id, paused: $paused }) { webhook { status version } userErrors { code } } }";
    let paused = change(&api, admin, pause, json!({ "id": id, "paused": true })).await;
    assert_eq!(paused["webhook"], json!({ "status": "PAUSED", "version": 2 }));
    // The process that begins with another webhook has heard of the pause.
    create(&api, admin, &other, &kinds).await;
    trade(&api, staff, 3..5).await;
    wait_until("another webhook has them", SOON, async || other.count() == 2).await;
    assert_eq!(receiver.count(), 3, "nothing is sent while it is paused");
    change(&api, admin, pause, json!({ "id": id, "paused": false })).await;
    wait_until("what it has missed arrives", SOON, async || receiver.ids().len() == 5).await;
    // What was taken when it was paused may have come twice.
    let before = receiver.count();
    let expected = logged(&api, start, &kinds).await;
    assert_eq!(receiver.ids(), expected);
    let replay = "mutation ($id: ID!, $after: EventCursor!) { replayWebhook(input: { id: $id, after: $after }) { webhook { status } userErrors { code } } }";
    change(&api, admin, replay, json!({ "id": id, "after": cursor })).await;
    trade(&api, staff, 5..6).await;
    wait_until("everything arrives again", SOON, async || receiver.count() == before + 6).await;
    let again: Vec<EventId> = receiver.taken.lock()[before..].iter().map(Received::id).collect();
    assert_eq!(again, logged(&api, start, &kinds).await, "from the cursor on, the new one after the old ones");
    assert_eq!(receiver.taken.lock()[before].header("orderwire-previous-id"), None, "a replay begins a new chain");
    let page = api.store.read_log(0, LogFilter::ALL, 1).await.unwrap();
    let expired =
        orderwire::domain::EventCursor::after(api.store.log_state().await.unwrap().log, page.through + 100_000);
    let refused = api.data(admin, replay, json!({ "id": id, "after": expired.to_string() })).await;
    assert_eq!(refused["replayWebhook"]["userErrors"][0]["code"], "INVALID_INPUT");
    running.stop().await;
}

async fn both_secrets_sign_while_one_is_rotated(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|_| Reply::Take).await;
    let (id, old) = create(&api, admin, &receiver, &["TASK_CREATED"]).await;
    let rotate =
        "mutation ($id: ID!) { rotateWebhookSecret(input: { id: $id }) { webhook { id } secret userErrors { code } } }";
    let new = change(&api, admin, rotate, json!({ "id": id })).await["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    let running = run(&api);
    trade(&api, staff, 0..1).await;
    wait_until("it has arrived", SOON, async || receiver.count() == 1).await;
    let received = receiver.taken.lock()[0].clone();
    for secret in [&old, &new] {
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        verifier.verify(received.body.as_bytes(), &received.headers).expect("both secrets sign");
    }
    let stored = api.store.list_consumers("whk_", "", 9).await.unwrap();
    for secret in [&old, &new] {
        let bare = secret.trim_start_matches("whsec_");
        assert!(!stored[0].definition.contains(bare), "no secret is stored as it is");
    }
    running.stop().await;
}

async fn attempts_are_recorded_with_their_answers(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|number| if number < 2 { Reply::Status(503) } else { Reply::Take }).await;
    let (id, _) = create(&api, admin, &receiver, &["TASK_CREATED"]).await;
    let running = run(&api);
    trade(&api, staff, 0..1).await;
    wait_until("it has arrived", SOON, async || receiver.count() == 1).await;
    let mut shown = Value::Null;
    wait_until("the attempts are recorded", SOON, async || {
        shown = webhook(&api, staff, &id).await;
        shown["deliveries"]["nodes"].as_array().unwrap().len() == 3 && shown["consecutiveFailures"] == 0
    })
    .await;
    let event = receiver.ids()[0].to_string();
    let nodes = shown["deliveries"]["nodes"].as_array().unwrap();
    let told: Vec<Value> = nodes
        .iter()
        .map(|node| json!([node["event"]["id"], node["attempt"], node["status"], node["nextAttemptAt"].is_null()]))
        .collect();
    assert_eq!(told, [json!([event, 3, 200, true]), json!([event, 2, 503, false]), json!([event, 1, 503, false])]);
    assert!(nodes[1]["error"].as_str().unwrap().contains("503"));
    assert_eq!((&shown["status"], &shown["lastError"]), (&json!("ACTIVE"), &Value::Null));
    running.stop().await;
    let delete = "mutation ($id: ID!) { deleteWebhook(input: { id: $id }) { deletedWebhookId userErrors { code } } }";
    assert_eq!(change(&api, admin, delete, json!({ "id": id })).await["deletedWebhookId"], json!(id));
    assert_eq!(webhook(&api, staff, &id).await, Value::Null);
    assert_eq!(api.store.list_deliveries(id.parse().unwrap(), None, 9).await.unwrap(), []);
}

async fn a_test_is_sent_at_once_and_moves_nothing(api: TestApi) {
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|number| if number == 1 { Reply::Status(418) } else { Reply::Take }).await;
    let (id, _) = create(&api, admin, &receiver, &["TASK_CREATED"]).await;
    trade(&api, admin, 0..1).await;
    wait_until("the feed has all four events", SOON, async || webhook(&api, admin, &id).await["lag"] == 4).await;
    let test = "mutation ($id: ID!) { testWebhook(input: { id: $id }) { delivery { status error event { kind } } userErrors { code } } }";
    let sent = change(&api, admin, test, json!({ "id": id })).await["delivery"].clone();
    assert_eq!(sent, json!({ "status": 200, "error": null, "event": { "kind": "TASK_CREATED" } }));
    assert_eq!(receiver.taken.lock()[0].header("orderwire-test"), Some("true"));
    let failed = change(&api, admin, test, json!({ "id": id })).await["delivery"].clone();
    assert_eq!(failed["status"], 418);
    let after = webhook(&api, admin, &id).await;
    assert_eq!((&after["lag"], &after["status"], &after["version"]), (&json!(4), &json!("ACTIVE"), &json!(1)));
    let service_view = api.service.webhook(&Viewer::System, id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(service_view.status(), WebhookStatus::Active);
}
