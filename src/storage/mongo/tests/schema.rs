//! The version of the schema, and the log of version 1.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::{Client, Database, IndexModel, options::IndexOptions};

use super::{MongoOptions, MongoStore, a_product, an_order, at, default_options, server, url_of};
use crate::{
    domain::*,
    storage::{EventStore, ImportStore, OrderStore, ProductStore, Store, StoreError, UserStore},
};

const ENTRIES: i64 = 700;

/// A new database, which is dropped even if the test fails.
pub(super) async fn on_database(test: impl AsyncFnOnce(Database, &str)) {
    let name = format!("schema_{:032x}", rand::random::<u128>());
    let client = Client::with_uri_str(server()).await.unwrap();
    let database = client.database(&name);
    let run = std::panic::AssertUnwindSafe(test(database.clone(), &name));
    let outcome = futures_util::FutureExt::catch_unwind(run).await;
    database.drop().await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

pub(super) async fn connect(name: &str) -> Result<MongoStore, StoreError> {
    MongoStore::connect(&url_of(name), default_options()).await
}

async fn connect_as_on_a_cluster(name: &str) -> MongoStore {
    let options = MongoOptions { as_on_a_sharded_cluster: true, ..default_options() };
    MongoStore::connect(&url_of(name), options).await.unwrap()
}

/// An entry as version 1 stored it.
fn old_entry(event: &Event) -> Document {
    doc! {
        "_id": event.seq, "event_id": event.id, "kind": event.kind, "entity_kind": event.entity.kind(),
        "entity_id": Bson::Binary(super::super::codec::binary(&event.entity.id().to_bytes())),
        "entity_version": event.entity.version(), "occurred_at": event.occurred_at,
        "payload": serde_json::to_string(&event.entity).unwrap(),
    }
}

/// Fills the database as version 1 did: the entries `first..=ENTRIES`, the last of which is about `order`.
async fn fill_like_version_1(database: &Database, first: Seq, order: &Order) -> Vec<Event> {
    let stamp = |seq| Stamp::system(at(seq));
    let mut events: Vec<Event> = (first..ENTRIES)
        .map(|seq| EventDraft::new(EventKind::Updated, a_product(seq), stamp(seq)).numbered(seq))
        .collect();
    events.push(EventDraft::new(EventKind::Created, order.clone(), stamp(ENTRIES)).numbered(ENTRIES));
    let documents: Vec<Document> = events.iter().map(old_entry).collect();
    database.collection::<Document>("events").insert_many(documents).await.unwrap();
    let counter = doc! { "_id": "log", "log_id": 7_i64, "seq": ENTRIES };
    database.collection::<Document>("counters").insert_one(counter).await.unwrap();
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_version_1_is_carried_over_once() {
    on_database(async |database, name| {
        let product = a_product(1);
        let user = super::a_user(1);
        let users: Vec<User> = std::iter::repeat_n(user, 8).collect();
        let order = an_order(1, &users, std::slice::from_ref(&product));
        let events = fill_like_version_1(&database, 5, &order).await;
        let step = doc! { "seq": ENTRIES, "to": "PENDING", "at": at(1) };
        let stored = doc! { "_id": order.id, "number": &order.number, "region": &order.region,
        "customer": order.customer, "total": order.total, "currency": "GBP", "status": order.status,
        "version": 1, "placed_at": at(1), "created_at": at(1), "updated_at": at(1),
        "items": [], "history": [step] };
        database.collection::<Document>("orders").insert_one(stored).await.unwrap();

        let (one, other) = tokio::try_join!(connect(name), connect(name)).unwrap();
        for store in [&one, &other, &connect(name).await.unwrap()] {
            let state = store.log_state().await.unwrap();
            assert_eq!((state.log, state.head, state.horizon), (LogId::new(7), ENTRIES, 4));
            assert_eq!(store.read_log(4, LogFilter::ALL, 10_000).await.unwrap().events, events);
        }
        let last = events.last().unwrap();
        let stored = one.orders_by_ids(&[order.id]).await.unwrap().remove(0).unwrap();
        assert_eq!(stored.history[0].event, Some(last.id));
        let by_number = other.orders_by_numbers(std::slice::from_ref(&order.number)).await.unwrap();
        assert_eq!(by_number, [Some(stored)]);
        assert_eq!(one.events_by_ids(&[last.id]).await.unwrap(), [Some(last.clone())]);
        let left: Vec<String> = database.list_collection_names().await.unwrap();
        assert!(!left.contains(&"events".to_owned()), "{left:?}");

        // What a running node of version 1 does for each change, and what one does that starts.
        let counters = database.collection::<Document>("counters");
        let numbered = counters.update_one(doc! { "_id": "log" }, doc! { "$inc": { "seq": 1_i64 } }).await;
        assert!(numbered.is_err(), "its transaction fails");
        let found: Vec<Document> = counters.find(doc! { "_id": "log" }).await.unwrap().try_collect().await.unwrap();
        assert!(found[0].get_i64("log_id").is_err(), "it finds no log: {found:?}");
        one.import_products(&[product]).await.unwrap();
        for store in [one, other] {
            store.close().await;
        }
    })
    .await;
}

/// An index of products or users as versions 3 and 4 had it.
fn old_index(field: &str) -> IndexModel {
    let (name, keys) = match field {
        "words" => ("words", doc! { "words": 1 }),
        _ => ("tags_created_at", doc! { "tags": 1, "created_at": 1, "_id": 1 }),
    };
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(name.to_owned()).build()).build()
}

/// Takes the database back to version 2: unique indexes in the place of collections.
async fn take_back_to_version_2(database: &Database) {
    for (collection, field) in [("users", "email"), ("products", "sku"), ("orders", "number")] {
        let options = IndexOptions::builder().name(field.to_owned()).unique(true).build();
        let index = IndexModel::builder().keys(doc! { field: 1 }).options(options).build();
        database.collection::<Document>(collection).create_index(index).await.unwrap();
    }
    for (collection, index) in [("products", "words"), ("products", "tags"), ("users", "words")] {
        database.collection::<Document>(collection).create_index(old_index(index)).await.unwrap();
    }
    for collection in ["emails", "skus", "order_keys"] {
        database.collection::<Document>(collection).drop().await.unwrap();
    }
    let version = doc! { "$set": { "version": 2 } };
    database.collection::<Document>("counters").update_one(doc! { "_id": "log" }, version).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unique_values_of_version_2_are_carried_over() {
    on_database(async |database, name| {
        let first = connect(name).await.unwrap();
        let data = super::load(&first).await;
        let gone = first.delete_user(data.users[3].id, Stamp::system(at(1))).await.unwrap();
        first.close().await;
        take_back_to_version_2(&database).await;

        let (one, other) = tokio::try_join!(connect(name), connect(name)).unwrap();
        for store in [&one, &other, &connect_as_on_a_cluster(name).await] {
            let emails: Vec<String> = data.users.iter().map(|user| user.email.clone().unwrap()).collect();
            let mut users: Vec<Option<User>> = data.users.iter().cloned().map(Some).collect();
            users[3] = None;
            assert_eq!(store.users_by_emails(&emails).await.unwrap(), users);
            let skus: Vec<String> = data.products.iter().map(|product| product.sku.clone()).collect();
            let products: Vec<Option<Product>> = data.products.iter().cloned().map(Some).collect();
            assert_eq!(store.products_by_skus(&skus).await.unwrap(), products);
            let numbers: Vec<String> = data.orders.iter().map(|order| order.number.clone()).collect();
            let orders: Vec<Option<Order>> = data.orders.iter().cloned().map(Some).collect();
            assert_eq!(store.orders_by_numbers(&numbers).await.unwrap(), orders);
            let ids: Vec<OrderId> = data.orders.iter().map(|order| order.id).collect();
            assert_eq!(store.orders_by_ids(&ids).await.unwrap(), orders);
            let customers: Vec<OrderFilter> = (0..8)
                .map(|user| OrderFilter { customer: Some(data.users[user].id), ..OrderFilter::default() })
                .collect();
            assert_eq!(store.count_orders(&customers).await.unwrap(), [super::ROWS as u64 / 8; 8]);
        }
        let taken = User { id: UserId::generate(at(9)), ..data.users[5].clone() };
        let refused = one.insert_user(&taken, None).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::Duplicate(UniqueKey::Email))), "{refused}");
        let free = User { id: UserId::generate(at(9)), ..data.users[3].clone() };
        assert_ne!(free.id, gone.id);
        one.insert_user(&free, None).await.expect("the address of a deleted user is free");
        for collection in ["users", "products", "orders"] {
            let left = database.collection::<Document>(collection).list_index_names().await.unwrap();
            assert!(!left.iter().any(|index| ["email", "sku", "number"].contains(&&**index)), "{left:?}");
            let replaced = |index: &&String| ["words", "tags_created_at"].contains(&&***index);
            assert_eq!(left.iter().find(replaced), None);
        }
        let counters = database.collection::<Document>("counters").find_one(doc! { "_id": "log" }).await.unwrap();
        assert_eq!(counters.unwrap().get_i32("version").unwrap(), 6);
        for store in [one, other] {
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_not_changed() {
    on_database(async |database, name| {
        let newer = doc! { "_id": "log", "id": 7_i64, "version": 1000, "seq": "elsewhere" };
        database.collection::<Document>("counters").insert_one(newer).await.unwrap();
        let refused = connect(name).await.err().expect("it is refused").to_string();
        assert!(refused.contains("newer version of Orderwire"), "{refused}");
        assert_eq!(database.list_collection_names().await.unwrap(), ["counters"]);
    })
    .await;
}
