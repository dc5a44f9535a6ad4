//! What is exported is imported without loss, from engine to engine, and the target answers alike.

use std::sync::Arc;

use orderwire::{
    domain::*,
    service::import::{Counts, Importer, NoProgress, jira, online_retail, sample},
    storage::Store,
};
use serde_json::{Value, json};

use super::{entities_of, export, import_files, text_of};
use crate::{
    contract::{engine::Engine, sqlite::Sqlite},
    support::{
        api::TestApi,
        data::{adjustment, at, by_system, place, product, stamp, stamp_by, step, task, user},
    },
};

/// Real data, and entities with every field that an entity can have.
async fn fill(store: &Arc<dyn Store>) {
    let importer = Importer::new(store.clone());
    let (retail, progress) = (online_retail::OnlineRetailOptions::default(), Arc::new(NoProgress));
    importer.online_retail(&sample::ONLINE_RETAIL, retail, progress.clone()).await.unwrap();
    let (anna, bert) = (user("anna"), User { region: Some("Île".to_owned()), ..user("bert") });
    store.insert_user(&anna, Some("not a hash")).await.unwrap();
    store.insert_user(&bert, None).await.unwrap();
    store.insert_user(&user("buyer"), None).await.unwrap();
    let options = jira::JiraOptions { created_by: anna.id, rejects: None };
    importer.jira(&sample::HADOOP_BUGS, options, progress).await.unwrap();

    let lamp = Product { price: Decimal::from_units(1), tags: Vec::new(), ..product("lämp \"quoted\"") };
    store.insert_product(lamp.clone(), stamp()).await.unwrap();
    let set = |private| MetadataChange {
        set: [("erp:id".to_owned(), "a\n\"b\" \u{1f642}".to_owned()), ("empty".to_owned(), String::new())].into(),
        remove: Vec::new(),
        private,
    };
    let order = place(&**store, "N-1", &[(&lamp, 3)]).await.unwrap().order;
    for private in [false, true] {
        let changes = ProductChanges { metadata: Some(set(private)), ..ProductChanges::default() };
        store.update_product(lamp.id, changes, None, by_system(1)).await.unwrap();
        store.update_order_metadata(order.id, set(private), None, by_system(2)).await.unwrap();
        let changes = UserChanges { metadata: Some(set(private)), ..UserChanges::default() };
        store.update_user(anna.id, changes, None, by_system(3)).await.unwrap();
    }
    let confirmed = StatusChange { reason: Some("paid \\ twice".to_owned()), ..step(order.id, OrderStatus::Confirmed) };
    store.change_order_status(confirmed, stamp_by(anna.id, 4)).await.unwrap();
    store.change_order_status(step(order.id, OrderStatus::Cancelled), by_system(5)).await.unwrap();
    let work = Task {
        assignee: Some(bert.id),
        order: Some(order.id),
        due_at: Some(at(60)),
        priority: TaskPriority::Urgent,
        description: Some("tabs\tand\r\nbreaks".to_owned()),
        ..task("work")
    };
    store.insert_task(work.clone(), stamp()).await.unwrap();
    let changes = TaskChanges { metadata: Some(set(true)), ..TaskChanges::default() };
    store.update_task(work.id, changes, None, by_system(6)).await.unwrap();
    store.update_product(lamp.id, ProductChanges::archive(), None, by_system(7)).await.unwrap();
    store.adjust_stock(adjustment(&lamp, -1), by_system(8)).await.unwrap();
    store.delete_user(bert.id, by_system(9)).await.unwrap();
}

fn all_new(total: u64) -> Counts {
    Counts { total, new: total }
}

/// From SQLite to the engine and back to SQLite.
async fn there_and_back<E: Engine>() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (source, back) = (Sqlite::prepare("export").await, Sqlite::prepare("export").await);
    let engine = E::prepare("export").await;
    let stores = [source.open().await, engine.open().await, back.open().await];
    fill(&stores[0]).await;
    let summary = export(&stores[0], &file("a.jsonl.gz")).await;
    let text = text_of(&file("a.jsonl.gz"));
    let lines = text.lines().count() as u64;
    assert_eq!(summary.exported.lines() + 1, lines);
    assert!(text.ends_with(&format!("{{\"end\":{{\"lines\":{},\"cursor\":\"{}\"}}}}\n", lines - 1, summary.cursor)));
    assert!(!text.contains("not a hash"), "passwords stay");

    let files = [file("a.jsonl.gz"), file("b.jsonl"), file("c.jsonl")];
    for (number, store) in stores.iter().enumerate().skip(1) {
        let imported = import_files(&**store, &[&files[number - 1]]).await.unwrap();
        let exported = summary.exported;
        assert_eq!(imported.users, all_new(exported.users));
        assert_eq!(imported.products, all_new(exported.products));
        assert_eq!(imported.orders, all_new(exported.orders));
        assert_eq!(imported.tasks, all_new(exported.tasks));
        assert_eq!((imported.lines, imported.rejected.len(), imported.without_end.len()), (lines - 1, 0, 0));
        assert_eq!(store.log_state().await.unwrap().head, 0, "an import is not announced");
        export(store, &files[number]).await;
        assert!(entities_of(&files[number]) == entities_of(&files[0]), "{} is the same", files[number].display());

        let again = import_files(&**store, &[&files[number - 1]]).await.unwrap();
        assert_eq!((again.orders, again.rejected.len()), (Counts { new: 0, ..all_new(exported.orders) }, 0));
        assert_eq!((again.users.new, again.products.new, again.tasks.new), (0, 0, 0));
    }
    let mut answers = Vec::new();
    for store in &stores {
        answers.push(answers_of(store).await);
    }
    assert_eq!(answers[1], answers[0], "what is derived is derived anew");
    assert_eq!(answers[2], answers[0]);
    for store in stores {
        store.close().await;
    }
    engine.remove().await;
}

/// What is found by indexes, words and sums.
async fn answers_of(store: &Arc<dyn Store>) -> Value {
    let api = TestApi::over(store.clone()).await;
    let staff = api.viewer("staff", UserRole::Staff).await;
    let everything = "{
        trendingProducts(first: 20) { sku }
        found: products(first: 20, filter: { search: \"heart holder\" }, orderBy: { field: RELEVANCE, direction: DESC }) {
            totalCount nodes { sku stock } }
        tagged: products(first: 20, filter: { tag: \"non-standard\" }, orderBy: { field: PRICE, direction: ASC }) { nodes { sku } }
        byItem: products(first: 5, filter: { metadata: { key: \"erp:id\" } }) {
            nodes { sku status metadata { key value } privateMetadata { key value } } }
        orders(first: 20, orderBy: { field: TOTAL, direction: DESC }) { totalCount nodes { number total { amount } } }
        cancelled: orders(first: 5, filter: { status: [CANCELLED] }) {
            nodes { number history { from to reason occurredAt } privateMetadata { key } customer { name } } }
        tasks(first: 5, filter: { search: \"work\" }, orderBy: { field: DUE_AT, direction: ASC }) {
            totalCount nodes { title dueAt description order { number } assignee { name } } }
        users(first: 20, filter: { search: \"anna\" }) { nodes { name email metadata { key } } }
    }";
    api.data(staff, everything, json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_sqlite_is_imported_into_sqlite_without_loss() {
    there_and_back::<Sqlite>().await;
}

mod mongodb {
    use super::there_and_back;
    use crate::contract::mongodb::Mongodb;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_goes_from_sqlite_to_mongodb_and_back_without_loss() {
        there_and_back::<Mongodb>().await;
    }
}
