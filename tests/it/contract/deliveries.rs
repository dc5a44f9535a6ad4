//! Attempts to deliver events to webhooks.

use orderwire::{domain::*, storage::KEPT_DELIVERIES};

use super::engine::Db;
use crate::support::data::{NOW, at, by_system};

fn webhook(name: &str) -> WebhookId {
    WebhookId::derived(NOW, "test", name)
}

/// The attempt with this number, made as many seconds after [`NOW`].
fn delivery(webhook: WebhookId, number: i64) -> Delivery {
    let at = at(number);
    Delivery {
        id: DeliveryId::derived(at, "test", &format!("{webhook} {number}")),
        webhook,
        event: EventId::derived(at, "test", &number.to_string()),
        attempt: 2,
        status: Some(503),
        duration_ms: 7,
        error: Some("answered 503".to_owned()),
        at,
        next_attempt_at: Some(at),
    }
}

pub async fn deliveries_are_listed_newest_first_in_pages(db: &Db) {
    let (first, second) = (webhook("first"), webhook("second"));
    let made: Vec<Delivery> = (0..5).map(|number| delivery(first, number)).collect();
    db.insert_deliveries(&made[..3]).await.unwrap();
    db.insert_deliveries(&made[3..]).await.unwrap();
    db.insert_deliveries(&[delivery(second, 9)]).await.unwrap();
    db.insert_deliveries(&[]).await.unwrap();
    let newest: Vec<Delivery> = made.iter().rev().cloned().collect();
    assert_eq!(db.list_deliveries(first, None, 9).await.unwrap(), newest);
    assert_eq!(db.list_deliveries(first, None, 2).await.unwrap(), newest[..2]);
    assert_eq!(db.list_deliveries(first, Some(newest[1].id), 2).await.unwrap(), newest[2..4]);
    assert_eq!(db.list_deliveries(first, Some(newest[4].id), 2).await.unwrap(), []);
    assert_eq!(db.list_deliveries(webhook("other"), None, 9).await.unwrap(), []);
}

pub async fn a_bounded_number_of_deliveries_is_kept_of_each_webhook(db: &Db) {
    let (first, second) = (webhook("first"), webhook("second"));
    db.insert_deliveries(&[delivery(second, 0)]).await.unwrap();
    let most = i64::try_from(KEPT_DELIVERIES).unwrap();
    let made: Vec<Delivery> = (0..most + 5).map(|number| delivery(first, number)).collect();
    for part in made.chunks(300) {
        db.insert_deliveries(part).await.unwrap();
    }
    let kept = db.list_deliveries(first, None, 2000).await.unwrap();
    assert_eq!((kept.len(), &kept[0], kept.last()), (KEPT_DELIVERIES, &made[made.len() - 1], made.get(5)));
    assert_eq!(db.list_deliveries(second, None, 9).await.unwrap().len(), 1, "those of another webhook stay");
}

pub async fn deliveries_go_with_their_webhook_and_with_the_log(db: &Db) {
    let (first, second) = (webhook("first"), webhook("second"));
    let consumer = Consumer {
        name: first.to_string(),
        definition: "{}".to_owned(),
        paused: false,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        progress: Progress::after(LogId::new(1), 0),
    };
    db.insert_consumer(&consumer, by_system(0)).await.unwrap();
    for webhook in [first, second] {
        db.insert_deliveries(&[delivery(webhook, 0), delivery(webhook, 100)]).await.unwrap();
    }
    db.prune(at(0), at(50), at(0)).await.unwrap();
    for webhook in [first, second] {
        assert_eq!(db.list_deliveries(webhook, None, 9).await.unwrap(), [delivery(webhook, 100)]);
    }
    db.delete_consumer(&consumer.name, by_system(1)).await.unwrap();
    assert_eq!(db.list_deliveries(first, None, 9).await.unwrap(), []);
    assert_eq!(db.list_deliveries(second, None, 9).await.unwrap(), [delivery(second, 100)]);
}
