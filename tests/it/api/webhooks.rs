//! Webhooks against receivers that are real HTTP servers: what each has recorded, put together by id, is the log in its order.

mod receiver;

use std::{collections::HashSet, sync::Arc, time::Duration};

use orderwire::{
    domain::{EventFilter, EventId, EventType, LogFilter, UserRole, Viewer, WebhookStatus},
    service::consumers::{ConsumerOptions, Consumers},
};
use serde_json::{Value, json};

use crate::support::{
    api::{TestApi, error_codes},
    wait_until,
};
use receiver::{Fault, Received, Receiver, Reply};

on_each_engine! {
    receivers_that_fail_in_every_way_get_the_whole_log_in_order
    deliveries_are_signed_and_say_which_event_came_before
    a_webhook_moves_between_processes_and_its_receiver_misses_nothing
    a_paused_webhook_waits_and_a_replayed_one_is_sent_everything_again
    both_secrets_sign_while_one_is_rotated
    attempts_are_recorded_with_their_answers
    a_test_is_sent_at_once_and_moves_nothing
    a_document_makes_the_payload_with_the_rights_of_who_set_it
    bad_webhooks_are_refused_with_the_reason
}

const SOON: Duration = Duration::from_secs(40);

fn run(api: &TestApi) -> Consumers {
    let service = api.service.clone();
    let options = ConsumerOptions {
        lease: Duration::from_secs(4),
        lease_every: Duration::from_millis(50),
        longest_delivery: Duration::from_millis(2500),
        most: 100,
    };
    Consumers::start(&api.service, Arc::new(move |consumer| service.open_sink(consumer)), options)
}

const CREATE: &str = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
    webhook { id status cursor version } secret userErrors { code field message } } }";
const ALL: [&str; 10] = [
    "ORDER_PLACED",
    "ORDER_STATUS_CHANGED",
    "ORDER_UPDATED",
    "PRODUCT_CREATED",
    "PRODUCT_UPDATED",
    "STOCK_CHANGED",
    "PRODUCT_ARCHIVED",
    "TASK_CREATED",
    "TASK_UPDATED",
    "TASK_DELETED",
];

/// Makes a webhook of these kinds; returns its id and its secret.
async fn create(api: &TestApi, admin: Viewer, receiver: &Receiver, kinds: &[&str]) -> (String, String) {
    let input = json!({ "url": receiver.url(), "kinds": kinds });
    let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
    assert_eq!(made["userErrors"], json!([]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]))
}

async fn webhook(api: &TestApi, viewer: Viewer, id: &str) -> Value {
    let fields = "id url description kinds status lag consecutiveFailures lastError version
        deliveries(first: 100) { nodes { event { id } attempt status error nextAttemptAt } pageInfo { hasNextPage } }";
    let query = format!("query ($id: ID!) {{ webhook(id: $id) {{ {fields} }} }}");
    api.data(viewer, &query, json!({ "id": id })).await["webhook"].clone()
}

async fn change(api: &TestApi, admin: Viewer, document: &str, variables: Value) -> Value {
    let answer = api.data(admin, document, variables).await;
    let payload = answer.as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(payload["userErrors"], json!([]), "{document}");
    payload
}

/// Makes products, sells one and works on tasks: some entries for each number.
async fn trade(api: &TestApi, staff: Viewer, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let product = json!({ "sku": format!("p{number}"), "name": "Lamp «ä»", "price": "1.5", "stock": 3 });
        let product = api.product(staff, product).await;
        let order = "mutation ($id: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $id, quantity: 1 }], idempotencyKey: $key }) { order { id } } }";
        api.data(staff, order, json!({ "id": product, "key": format!("key {number}") })).await;
        api.data(staff, "mutation { createTask(input: { title: \"T\" }) { task { id } } }", json!({})).await;
    }
}

/// The ids of the entries of these kinds after a number of the log.
async fn logged(api: &TestApi, after: i64, kinds: &[&str]) -> Vec<EventId> {
    api.store.catch_up_log().await.unwrap();
    let types = kinds.iter().map(|kind| kind.parse::<EventType>().unwrap()).collect();
    let filter = EventFilter { types: Some(types), entity: None };
    let page = api.store.read_log(after, LogFilter::ALL, 10_000).await.unwrap();
    page.events.iter().filter(|event| filter.matches(event)).map(|event| event.id).collect()
}

async fn head(api: &TestApi) -> i64 {
    api.store.catch_up_log().await.unwrap();
    api.store.log_state().await.unwrap().head
}

async fn receivers_that_fail_in_every_way_get_the_whole_log_in_order(api: TestApi) {
    let [staff, admin] = [("staff", UserRole::Staff), ("admin", UserRole::Admin)];
    let (staff, admin) = (api.viewer(staff.0, staff.1).await, api.viewer(admin.0, admin.1).await);
    // Each fails at its third request, and streams or hangs for as long as it may.
    let faults: [Fault; 7] = [
        |_| Reply::Take,
        |number| if number == 2 { Reply::Status(500) } else { Reply::Take },
        |number| if number == 2 { Reply::Redirect } else { Reply::Take },
        |number| if number == 2 { Reply::Hang } else { Reply::Take },
        |number| if number == 2 { Reply::Close } else { Reply::Take },
        |number| if number == 2 { Reply::StreamForever } else { Reply::Take },
        |number| if number == 2 { Reply::TakeAndStreamForever } else { Reply::Take },
    ];
    let start = head(&api).await;
    let mut receivers = Vec::new();
    for fault in faults {
        let receiver = Receiver::start(fault).await;
        create(&api, admin, &receiver, &ALL).await;
        receivers.push(receiver);
    }
    let running = run(&api);
    trade(&api, staff, 0..6).await;
    let expected = logged(&api, start, &ALL).await;
    assert_eq!(expected.len(), 24);
    for (number, receiver) in receivers.iter().enumerate() {
        let what = format!("receiver {number} has everything");
        wait_until(&what, SOON, async || receiver.ids().len() == expected.len()).await;
        assert_eq!(receiver.ids(), expected, "receiver {number}");
    }
    assert_eq!(receivers[0].count(), expected.len(), "a receiver without faults gets each event once");
    running.stop().await;
}

async fn deliveries_are_signed_and_say_which_event_came_before(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|_| Reply::Take).await;
    let kinds = ["ORDER_PLACED", "STOCK_CHANGED"];
    let (_, secret) = create(&api, admin, &receiver, &kinds).await;
    let verifier = standardwebhooks::Webhook::new(&secret).unwrap();
    let running = run(&api);
    trade(&api, staff, 0..3).await;
    wait_until("everything has arrived", SOON, async || receiver.count() == 6).await;
    running.stop().await;
    let events = "{ events(first: 100, filter: { kinds: [ORDER_PLACED, STOCK_CHANGED] }) {
        nodes { id cursor kind entityId version occurredAt previousStatus } } }";
    let events = api.data(staff, events, json!({})).await["events"]["nodes"].clone();
    let mut before = None;
    for (received, event) in receiver.taken.lock().iter().zip(events.as_array().unwrap()) {
        verifier.verify(received.body.as_bytes(), &received.headers).expect("the official library accepts it");
        let tampered = received.body.replace("Lamp", "Lump");
        assert!(tampered == received.body || verifier.verify(tampered.as_bytes(), &received.headers).is_err());
        assert_eq!(received.header("content-type"), Some("application/json"));
        assert_eq!(received.header("orderwire-cursor"), event["cursor"].as_str());
        assert_eq!(received.header("orderwire-previous-id"), before.as_deref());
        before = received.header("webhook-id").map(str::to_owned);
        assert_eq!(before.as_deref(), event["id"].as_str());
        let body: Value = serde_json::from_str(&received.body).unwrap();
        let kind = if event["kind"] == "ORDER_PLACED" { "order.placed" } else { "stock.changed" };
        assert_eq!((&body["type"], &body["timestamp"]), (&json!(kind), &event["occurredAt"]));
        for (field, value) in event.as_object().unwrap() {
            assert_eq!(&body["data"][field], value, "{field}");
        }
        assert_eq!(body["data"]["entity"]["id"], event["entityId"]);
    }
}

async fn a_webhook_moves_between_processes_and_its_receiver_misses_nothing(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let receiver = Receiver::start(|number| if number % 7 == 3 { Reply::Close } else { Reply::Take }).await;
    let start = head(&api).await;
    create(&api, admin, &receiver, &ALL).await;
    let mut running = run(&api);
    for round in 0..4 {
        let writes = trade(&api, staff, 3 * round..3 * round + 3);
        let moves = async {
            let before = std::mem::replace(&mut running, run(&api));
            if round % 2 == 0 {
                before.stop().await;
            }
        };
        tokio::join!(writes, moves);
    }
    let expected = logged(&api, start, &ALL).await;
    wait_until("everything has arrived", SOON, async || receiver.ids().len() == expected.len()).await;
    assert_eq!(receiver.ids(), expected);
    running.stop().await;
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
