//! Words that older versions stored are stored anew.

use bson::{Document, doc};
use mongodb::Database;

use super::{
    a_product, a_user, at,
    schema::{connect, on_database},
};
use crate::{
    domain::*,
    storage::{ImportStore, Store, tests::found},
};

/// Stores words in all documents like an older node.
async fn store_old_words(database: &Database) {
    for collection in ["users", "products", "tasks"] {
        let set = doc! { "$set": { "words": ["ह", "न", "द"] }, "$unset": { "title_length": 1 } };
        database.collection::<Document>(collection).update_many(doc! {}, set).await.unwrap();
    }
}

async fn recorded(database: &Database) -> Option<i32> {
    let log = database.collection::<Document>("counters").find_one(doc! { "_id": "log" }).await.unwrap().unwrap();
    log.get_i32("words").ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_older_versions_are_stored_anew_until_a_node_finds_none() {
    on_database(async |database, name| {
        let store = connect(name).await.unwrap();
        assert_eq!(recorded(&database).await, Some(super::super::words::WORDS), "a new database has no older words");
        let text = "हिन्दी ".to_owned() + &"x".repeat(4_000);
        let user = User { name: text.clone(), ..a_user(1) };
        let product = Product { name: text.clone(), ..a_product(1) };
        let task = Task::new(TaskId::derived(at(1), "test", "1"), &text, user.id, at(1));
        store.import_users(&[user]).await.unwrap();
        store.import_products(&[product]).await.unwrap();
        store.import_tasks(&[task]).await.unwrap();
        store_old_words(&database).await;
        let key = doc! { "$set": { "name_key": &text } };
        database.collection::<Document>("products").update_many(doc! {}, key).await.unwrap();
        let older = doc! { "$unset": { "words": 1 } };
        database.collection::<Document>("counters").update_one(doc! { "_id": "log" }, older).await.unwrap();
        assert_eq!(found(&store, "हिन्दी").await, [0; 3]);
        store.close().await;

        // The second time, a node of the older version has gone on beside the first node.
        for _ in 0..2 {
            let (one, other) = tokio::try_join!(connect(name), connect(name)).unwrap();
            assert_eq!(found(&one, "हिन्दी").await, [1; 3]);
            let stored = database.collection::<Document>("products").find_one(doc! {}).await.unwrap().unwrap();
            assert_eq!(stored.get_str("name_key").unwrap(), Product::name_key(&text));
            assert!(stored.get_i32("title_length").unwrap() > 1, "{stored}");
            for store in [one, other] {
                store.close().await;
            }
            store_old_words(&database).await;
            let older = doc! { "$unset": { "words": 1 } };
            database.collection::<Document>("counters").update_one(doc! { "_id": "log" }, older).await.unwrap();
        }
        let renewed = connect(name).await.unwrap();
        assert_eq!(recorded(&database).await, None, "it has found older words");
        renewed.close().await;
        let last = connect(name).await.unwrap();
        assert_eq!(recorded(&database).await, Some(super::super::words::WORDS));
        assert_eq!(found(&last, "हिन्दी").await, [1; 3]);
        last.close().await;
    })
    .await;
}
