//! What receivers get: the log in its order, signed, whatever fails and whoever sends.

use orderwire::domain::UserRole;
use serde_json::{Value, json};

use super::{
    ALL, SOON, create, head, logged,
    receiver::{Fault, Receiver, Reply},
    run, trade,
};
use crate::support::{api::TestApi, wait_until};

on_each_engine! {
    receivers_that_fail_in_every_way_get_the_whole_log_in_order
    deliveries_are_signed_and_say_which_event_came_before
    a_webhook_moves_between_processes_and_its_receiver_misses_nothing
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
