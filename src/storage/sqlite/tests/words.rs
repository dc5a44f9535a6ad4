//! The words of a file that an older version has written, and of rows that a running older version writes.

use super::*;
use crate::storage::tests::found;

/// Words of an entity of each kind, in the order of its table.
const SEARCH: &str = "हिन्दी λόγος";

fn named(name: &str) -> (User, Product, Task) {
    (
        User { name: name.to_owned(), ..user("anna") },
        Product { name: name.to_owned(), ..product("A", 1) },
        Task { title: name.to_owned(), ..task("work") },
    )
}

/// Stores the entities as the schema before the tables of words had them.
fn fill(path: &std::path::Path, (user, product, task): &(User, Product, Task)) {
    let old = rusqlite::Connection::open(path).unwrap();
    for step in [
        include_str!("../migrations/0001.sql"),
        include_str!("../migrations/0002.sql"),
        include_str!("../migrations/0003.sql"),
        include_str!("../migrations/0004.sql"),
        "PRAGMA application_id = 0x4F574952; PRAGMA user_version = 4",
    ] {
        old.execute_batch(step).unwrap();
    }
    let long_key = User::name_key(&user.name) + &"x".repeat(4_000);
    old.execute(
        "INSERT INTO users VALUES (NULL, ?1, ?2, ?3, ?4, 'CUSTOMER', NULL, NULL, 1, ?5, ?5, NULL)",
        rusqlite::params![user.id, user.email, user.name, long_key, user.created_at],
    )
    .unwrap();
    old.execute(
        "INSERT INTO products VALUES (NULL, ?1, ?2, ?3, ?4, 1, 'GBP', 1, 1, 'ACTIVE', '[\"t\"]', 1, ?5, ?5, NULL)",
        rusqlite::params![product.id, product.sku, product.name, long_key, product.created_at],
    )
    .unwrap();
    old.execute(
        "INSERT INTO tasks VALUES (NULL, ?1, ?2, 'TODO', 1, ?3, NULL, NULL, NULL, 0, 1, ?4, ?4, NULL)",
        rusqlite::params![task.id, task.title, task.created_by, task.created_at],
    )
    .unwrap();
}

#[tokio::test]
async fn a_file_of_an_older_schema_gets_its_words_and_bounded_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    fill(&path, &named("हिन्दी ΛΌΓΟΣ"));
    let store = SqliteStore::open(SqliteLocation::File(path), default_options()).await.unwrap();
    assert_eq!(found(&store, SEARCH).await, [1, 1, 1]);
    assert_eq!(found(&store, "λόγοσ").await, [1, 1, 1]);
    let filter = ProductFilter { tag: Some("t".to_owned()), ..ProductFilter::default() };
    let sort = Sort { field: ProductSort::Name, direction: Direction::Asc };
    let query = ListQuery { filter, sort, slice: Slice::first(1), fields: ProductFields::ALL };
    let edge = store.list_products(&[query]).await.unwrap().remove(0).edges.remove(0);
    let SortKey::Text(key) = edge.position.key else { panic!("{:?}", edge.position) };
    assert_eq!(key.chars().count(), 400, "of the label's list too");
}

/// A process of an older version that still has the file open stores no words.
#[tokio::test]
async fn rows_without_words_get_them_when_the_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let location = SqliteLocation::File(folder.path().join("shop.db"));
    let store = SqliteStore::open(location.clone(), default_options()).await.unwrap();
    let (anna, lamp, work) = named("before");
    store.insert_user(&anna, None).await.unwrap();
    store.insert_product(lamp, stamp(0)).await.unwrap();
    store.insert_task(work, stamp(0)).await.unwrap();
    store
        .write(|db| {
            Ok(db.execute_batch(
                "UPDATE users SET name = 'after'; UPDATE products SET name = 'after'; UPDATE tasks SET title = 'after'",
            )?)
        })
        .await
        .unwrap();
    assert_eq!((found(&store, "before").await, found(&store, "after").await), ([0; 3], [0; 3]));
    store.close().await;
    let store = SqliteStore::open(location, default_options()).await.unwrap();
    assert_eq!((found(&store, "before").await, found(&store, "after").await), ([0; 3], [1; 3]));
}
