//! The order of the log while many write to it: a reader that follows `through` sees every entry once and in order.

use std::{collections::BTreeMap, sync::Arc};

use orderwire::{domain::*, storage::Store};

use super::engine::Db;
use crate::support::data::{adjustment, insert_products, place, product, stamp, step, task, whole_log};

/// A reader of the log that remembers how far it has read.
struct Reader {
    store: Arc<dyn Store>,
    filter: LogFilter,
    after: Seq,
    seen: Vec<Event>,
}

impl Reader {
    fn new(store: Arc<dyn Store>, kind: Option<EntityKind>) -> Self {
        Self { store, filter: LogFilter { kind, ..LogFilter::ALL }, after: 0, seen: Vec::new() }
    }

    /// Reads the log up to `end`.
    async fn follow(mut self, end: Seq) -> Vec<Event> {
        while self.after < end {
            let page = self.store.read_log(self.after, self.filter, 7).await.unwrap();
            assert!(page.through >= self.after, "the log does not go back");
            assert!(page.events.iter().all(|event| event.seq > self.after && event.seq <= page.through));
            self.after = page.through;
            self.seen.extend(page.events);
            tokio::task::yield_now().await;
        }
        self.seen
    }
}

/// Runs one of the writers, which appends 30 entries.
async fn write(store: Arc<dyn Store>, writer: usize, hot: Product) {
    let own = product(&format!("of {writer}"));
    store.insert_product(own.clone(), stamp()).await.unwrap();
    for round in 0..3 {
        let name = format!("{writer} {round}");
        let work = store.insert_task(task(&name), stamp()).await.unwrap();
        let placed = place(&*store, &name, &[(&hot, 1), (&own, 1)]).await.unwrap();
        assert!(store.adjust_stock(adjustment(&own, -1000), stamp()).await.is_err());
        store.adjust_stock(adjustment(&own, 1), stamp()).await.unwrap();
        assert!(place(&*store, &format!("fails {name}"), &[(&hot, 1), (&own, 99)]).await.is_err());
        if round < 2 {
            store.change_order_status(step(placed.order.id, OrderStatus::Cancelled), stamp()).await.unwrap();
        }
        let done = TaskChanges { status: Some(TaskStatus::Done), ..TaskChanges::default() };
        store.update_task(work.id, done, Some(1), stamp()).await.unwrap();
        store.delete_task(work.id, stamp()).await.unwrap();
    }
    let last = store.insert_task(task(&format!("last of {writer}")), stamp()).await.unwrap();
    store.delete_task(last.id, stamp()).await.unwrap();
}

pub async fn readers_beside_eight_writers_see_the_whole_log(db: &Db) {
    seen_whole(db, &[db.shared()]).await;
}

/// The same with writers and readers on two nodes.
pub async fn readers_on_two_nodes_see_the_whole_log(db: &Db) {
    let other = db.other_node().await;
    seen_whole(db, &[db.shared(), other.clone()]).await;
    other.close().await;
}

async fn seen_whole(db: &Db, nodes: &[Arc<dyn Store>]) {
    let hot = Product { stock: 1000, ..product("hot") };
    insert_products(db.store(), &[&hot]).await;
    let end = 1 + 8 * 30;
    let readers = [None, Some(EntityKind::Order), Some(EntityKind::Product), Some(EntityKind::Task)];
    let readers: Vec<_> = readers
        .iter()
        .zip(nodes.iter().cycle())
        .map(|(kind, node)| (kind, tokio::spawn(Reader::new(node.clone(), *kind).follow(end))))
        .collect();
    let writers: Vec<_> = (0..8)
        .zip(nodes.iter().rev().cycle())
        .map(|(writer, node)| tokio::spawn(write(node.clone(), writer, hot.clone())))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = whole_log(db.store()).await;
    assert!(all.iter().map(|event| event.seq).eq(1..=end), "gapless from 1");
    for (kind, reader) in readers {
        let seen = reader.await.unwrap();
        let expected = all.iter().filter(|event| kind.is_none_or(|kind| event.entity.kind() == kind));
        assert!(seen.iter().eq(expected), "a reader of {kind:?} saw every entry once and in order");
    }
    versions_follow_each_other(&all);
    last_entries_are_the_present(db, &all).await;
}

/// The entries of each entity have the versions 1, 2, 3, … in that order.
fn versions_follow_each_other(log: &[Event]) {
    let mut versions = BTreeMap::new();
    for event in log {
        let version: &mut i32 = versions.entry(event.entity.id()).or_default();
        *version += 1;
        assert_eq!(event.entity.version(), *version, "{event:?}");
    }
}

/// The last entry of an entity holds its stored state.
async fn last_entries_are_the_present(db: &Db, log: &[Event]) {
    let last: BTreeMap<_, &Event> = log.iter().map(|event| (event.entity.id(), event)).collect();
    for event in last.values() {
        match &event.entity {
            Entity::Product(product) => {
                assert_eq!(db.products_by_ids(&[product.id]).await.unwrap(), [Some((**product).clone())]);
            }
            Entity::Order(order) => {
                assert_eq!(db.orders_by_ids(&[order.id]).await.unwrap(), [Some((**order).clone())]);
            }
            Entity::Task(task) => {
                assert_eq!(event.kind, EventKind::Deleted);
                assert_eq!(db.tasks_by_ids(&[task.id]).await.unwrap(), [None]);
            }
            other @ (Entity::Rights(_) | Entity::User(_)) => panic!("{other:?}, and no user was changed"),
        }
    }
}
