//! Exports: every entity whole and in order, as the log has it up to one position, whatever is written meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use orderwire::{
    domain::*,
    storage::{ExportBatch, ExportKind, Store, StoreError},
};
use tokio::{sync::mpsc, task::JoinHandle};
use ulid::Ulid;

use super::engine::Db;
use crate::support::data::{
    adjustment, by_system, insert_products, past_order, place, product, stamp, step, task, user, whole_log,
};

const ALL: [ExportKind; 4] = [ExportKind::Users, ExportKind::Products, ExportKind::Orders, ExportKind::Tasks];

/// What an export gave, in the order in which it came.
#[derive(Debug, Default, PartialEq)]
struct Exported {
    users: Vec<User>,
    products: Vec<Product>,
    orders: Vec<Order>,
    tasks: Vec<Task>,
}

async fn export(store: &dyn Store, kinds: &[ExportKind]) -> (Exported, Seq) {
    let (sender, mut batches) = mpsc::channel(1);
    let receive = async {
        let mut exported = Exported::default();
        while let Some(batch) = batches.recv().await {
            match batch {
                ExportBatch::Users(users) => exported.users.extend(users),
                ExportBatch::Products(products) => exported.products.extend(products),
                ExportBatch::Orders(orders) => exported.orders.extend(orders),
                ExportBatch::Tasks(tasks) => exported.tasks.extend(tasks),
            }
        }
        exported
    };
    let (cursor, exported) = tokio::join!(store.export(kinds, sender), receive);
    let cursor = cursor.unwrap();
    assert_eq!(cursor.log, store.log_state().await.unwrap().log);
    (exported, cursor.seq().expect("an export knows the number"))
}

fn items(pairs: &[(&str, &str)]) -> MetadataItems {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub async fn an_export_has_every_entity_whole_in_the_order_of_ids(db: &Db) {
    assert_eq!(export(db.store(), &ALL).await, (Exported::default(), 0), "of an empty database");

    let metadata = Metadata { public: items(&[("erp:id", "1")]), private: items(&[("cost", "0.35")]) };
    let with_metadata = Product { metadata: metadata.clone(), ..product("with metadata") };
    let mut users: Vec<User> = (0..1200).map(|number| user(&format!("u{number}"))).collect();
    users[0].metadata = metadata.clone();
    let mut products: Vec<Product> = (0..1200).map(|number| product(&format!("p{number}"))).collect();
    products.push(with_metadata);
    let orders = (0..1200).map(|number| past_order(&number.to_string(), &[(&products[number], 1), (&products[0], 2)]));
    let mut orders: Vec<Order> = orders.collect();
    orders[0].metadata = metadata.clone();
    let long = "line\n".repeat(12_000);
    let tasks = (0..1200).map(|number| Task { description: Some(long.clone()), ..task(&number.to_string()) });
    let mut tasks: Vec<Task> = tasks.take(300).collect();
    tasks.extend((300..2500).map(|number| task(&number.to_string())));
    tasks[0].metadata = metadata;
    db.import_users(&users).await.unwrap();
    db.import_products(&products).await.unwrap();
    db.import_orders(&orders).await.unwrap();
    db.import_tasks(&tasks).await.unwrap();

    users[1] = db.delete_user(users[1].id, by_system(1)).await.unwrap();
    orders[1] = db.change_order_status(step(orders[1].id, OrderStatus::Returned), by_system(2)).await.unwrap().order;
    for item in &orders[1].items {
        let stored = db.products_by_ids(&[item.product]).await.unwrap().remove(0).unwrap();
        *products.iter_mut().find(|product| product.id == item.product).unwrap() = stored;
    }
    db.delete_task(tasks.pop().unwrap().id, by_system(3)).await.unwrap();

    users.sort_by_key(|user| user.id);
    products.sort_by_key(|product| product.id);
    orders.sort_by_key(|order| order.id);
    tasks.sort_by_key(|task| task.id);
    let expected = Exported { users, products, orders, tasks };
    let (exported, through) = export(db.store(), &ALL).await;
    assert!(exported == expected, "each kind whole and in order");
    assert_eq!(through, db.log_state().await.unwrap().head);
    let (only_users, _) = export(db.store(), &[ExportKind::Users]).await;
    assert_eq!(only_users, Exported { users: expected.users, ..Exported::default() });
}

/// What the log says of entities: of users the version alone.
#[derive(Debug, Clone, Default, PartialEq)]
struct Replica {
    entities: BTreeMap<Ulid, Entity>,
    users: BTreeMap<Ulid, i32>,
}

impl Replica {
    fn of(exported: Exported) -> Self {
        let Exported { users, products, orders, tasks } = exported;
        let products = products.into_iter().map(Entity::from);
        let entities = products.chain(orders.into_iter().map(Entity::from)).chain(tasks.into_iter().map(Entity::from));
        Self {
            entities: entities.map(|entity| (entity.id(), entity)).collect(),
            users: users.into_iter().map(|user| (user.id.ulid(), user.version)).collect(),
        }
    }

    /// Applies an entry of the log, which has to be about the version after the one that is there.
    fn apply(&mut self, event: &Event) {
        let id = event.entity.id();
        let known = match &event.entity {
            Entity::Rights(_) => return,
            Entity::User(user) => self.users.insert(id, user.version),
            entity => self.entities.insert(id, entity.clone()).map(|before| before.version()),
        };
        assert_eq!(event.entity.version(), known.unwrap_or(0) + 1, "{event:?}");
        if event.kind == EventKind::Deleted && !matches!(event.entity, Entity::User(_)) {
            self.entities.remove(&id);
        }
    }

    fn apply_all<'e>(mut self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        events.into_iter().for_each(|event| self.apply(event));
        self
    }
}

/// Changes entities of all kinds until it is stopped, and says when it has done so once.
async fn write(store: Arc<dyn Store>, writer: usize, hot: Product, stop: Arc<AtomicBool>, begun: Arc<AtomicUsize>) {
    let own = product(&format!("of {writer}"));
    store.insert_product(own.clone(), stamp()).await.unwrap();
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let name = format!("{writer} {round}");
        let placed = place(&*store, &name, &[(&hot, 1), (&own, 1)]).await.unwrap();
        let work = store.insert_task(task(&name), stamp()).await.unwrap();
        let ann = user(&format!("u{writer}-{round}"));
        store.insert_user(&ann, None).await.unwrap();
        store.change_order_status(step(placed.order.id, OrderStatus::Cancelled), stamp()).await.unwrap();
        store.adjust_stock(adjustment(&own, 1), stamp()).await.unwrap();
        let done = TaskChanges { status: Some(TaskStatus::Done), ..TaskChanges::default() };
        store.update_task(work.id, done, None, stamp()).await.unwrap();
        let renamed = UserChanges { name: Some("Other".to_owned()), ..UserChanges::default() };
        store.update_user(ann.id, renamed, None, stamp()).await.unwrap();
        if round % 2 == 0 {
            store.delete_task(work.id, stamp()).await.unwrap();
        }
        if round == 0 {
            begun.fetch_add(1, Ordering::Relaxed);
        }
        round += 1;
    }
}

pub async fn an_export_under_writes_is_the_state_at_one_position_of_the_log(db: &Db) {
    let hot = Product { stock: 1_000_000, ..product("hot") };
    insert_products(db.store(), &[&hot]).await;
    let nodes = [db.shared(), db.other_node().await];
    let reader = db.other_node().await;
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicUsize::new(0));
    let writers: Vec<JoinHandle<()>> = (0..6)
        .zip(nodes.iter().cycle())
        .map(|(writer, node)| tokio::spawn(write(node.clone(), writer, hot.clone(), stop.clone(), begun.clone())))
        .collect();
    let mut exports: Vec<(Replica, Seq)> = Vec::new();
    while exports.len() < 12 || begun.load(Ordering::Relaxed) < writers.len() {
        let (exported, through) = export(&*reader, &ALL).await;
        if through >= exports.last().map_or(0, |(_, last)| *last) + 30 {
            exports.push((Replica::of(exported), through));
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let log = whole_log(db.store()).await;
    let (present, head) = export(&*reader, &ALL).await;
    let present = Replica::of(present);
    assert_eq!(head, log.last().unwrap().seq);
    for (replica, through) in exports {
        assert!(through < head, "others wrote meanwhile");
        let (before, after): (Vec<&Event>, Vec<&Event>) = log.iter().partition(|event| event.seq <= through);
        assert_eq!(replica, Replica::default().apply_all(before), "exactly the changes up to {through}");
        assert_eq!(replica.apply_all(after), present, "it goes on without a gap from {through}");
    }
    nodes[1].close().await;
    reader.close().await;
}

pub async fn an_export_ends_when_nobody_receives_it(db: &Db) {
    let tasks: Vec<Task> = (0..3000).map(|number| task(&number.to_string())).collect();
    db.import_tasks(&tasks).await.unwrap();
    let (sender, mut batches) = mpsc::channel(1);
    let store = db.shared();
    let exporting = tokio::spawn(async move { store.export(&[ExportKind::Tasks], sender).await });
    assert!(batches.recv().await.is_some());
    drop(batches);
    let ended = exporting.await.unwrap();
    assert!(matches!(ended, Err(StoreError::Unavailable(_))), "{ended:?}");
    assert_eq!(export(db.store(), &[ExportKind::Tasks]).await.0.tasks.len(), 3000, "the next one works");
}
