//! The event log: what each change appends.

use orderwire::{
    domain::*,
    storage::{Committed, LogState, StatusChange},
};

use super::engine::Db;
use crate::support::data::{
    NOW, adjustment, at, buyer, insert_products, past_order, place, product, stamp, stamp_by, step, task, user,
    whole_log,
};

/// The one entry a change appended: it is in the log, and says this.
async fn only_entry<T>(db: &Db, change: Committed<T>, seq: Seq, kind: EventKind, entity: Entity, stamp: Stamp) {
    let expected = Event {
        seq,
        id: change.events[0].id,
        kind,
        previous_status: None,
        entity,
        actor: stamp.actor,
        occurred_at: stamp.at,
    };
    assert_eq!(change.events, [expected]);
    assert_eq!(db.read_log(seq - 1, LogFilter::ALL, 9).await.unwrap().events, change.events);
}

pub async fn has_an_entry_for_each_change_of_a_product(db: &Db) {
    let staff = stamp_by(user("staff").id, 3);
    let entity = |product: &Product| Entity::Product(product.clone().into());
    let inserted = db.insert_product(product("lamp"), staff).await.unwrap();
    let lamp = inserted.value.clone();
    only_entry(db, inserted, 1, EventKind::Created, entity(&lamp), staff).await;
    let rename = ProductChanges { name: Some("Lamp".into()), ..ProductChanges::default() };
    let renamed = db.update_product(lamp.id, rename, None, staff).await.unwrap();
    let lamp = renamed.value.clone();
    only_entry(db, renamed, 2, EventKind::Updated, entity(&lamp), staff).await;
    let adjusted = db.adjust_stock(adjustment(&lamp, 5), stamp()).await.unwrap();
    let lamp = adjusted.value.clone();
    only_entry(db, adjusted, 3, EventKind::Updated, entity(&lamp), stamp()).await;
    assert_eq!((lamp.version, lamp.stock, lamp.description.is_some()), (3, 15, true));
}

pub async fn has_an_entry_for_each_change_of_a_task(db: &Db) {
    let staff = stamp_by(user("staff").id, 3);
    let entity = |task: &Task| Entity::Task(task.clone().into());
    let work = Task { description: Some("how".into()), ..task("work") };
    let inserted = db.insert_task(work.clone(), staff).await.unwrap();
    only_entry(db, inserted, 1, EventKind::Created, entity(&work), staff).await;
    let start = TaskChanges { status: Some(TaskStatus::InProgress), ..TaskChanges::default() };
    let started = db.update_task(work.id, start.clone(), None, staff).await.unwrap();
    let work = started.value.clone();
    only_entry(db, started, 2, EventKind::StatusChanged, entity(&work), staff).await;
    let same_status = TaskChanges { title: Some("other".into()), ..start };
    let renamed = db.update_task(work.id, same_status, None, stamp()).await.unwrap();
    let work = renamed.value.clone();
    only_entry(db, renamed, 3, EventKind::Updated, entity(&work), stamp()).await;
    let deleted = db.delete_task(work.id, staff).await.unwrap();
    let work = deleted.value.clone();
    assert_eq!((work.version, work.description.as_deref()), (4, Some("how")));
    only_entry(db, deleted, 4, EventKind::Deleted, entity(&work), staff).await;
}

/// The products' entries first, in the order of the lines, then the order's.
pub async fn has_entries_for_each_change_of_an_order(db: &Db) {
    let (lamp, vase, jar) = (product("lamp"), product("vase"), product("jar"));
    insert_products(db.store(), &[&lamp, &vase, &jar]).await;
    let placed = place(db.store(), "1", &[(&vase, 2), (&lamp, 1)]).await.unwrap();
    let at_hand = |product: &Product, stock, version| {
        Entity::Product(Product { stock, version, updated_at: NOW, ..product.clone() }.into())
    };
    let order = placed.value.order.clone();
    assert_eq!(order.history[0].seq, 6);
    let entities = [at_hand(&vase, 8, 2), at_hand(&lamp, 9, 2), Entity::Order(order.clone().into())];
    assert!(placed.events.iter().map(|event| &event.entity).eq(&entities), "{:?}", placed.events);
    assert!(placed.events.iter().map(|event| event.seq).eq(4..=6));
    assert!(placed.events.iter().map(|event| event.kind).eq([
        EventKind::Updated,
        EventKind::Updated,
        EventKind::Created
    ]));
    assert!(placed.events.iter().all(|event| event.actor == Some(buyer()) && event.previous_status.is_none()));

    let change = StatusChange { reason: Some("no money".into()), ..step(order.id, OrderStatus::Cancelled) };
    let cancelled = db.change_order_status(change, stamp_by(user("staff").id, 8)).await.unwrap();
    let [first, second, last] = &cancelled.events[..] else { panic!("{:?}", cancelled.events) };
    assert!(
        [first, second].iter().all(|event| event.entity.kind() == EntityKind::Product && event.entity.version() == 3)
    );
    assert_eq!((last.seq, last.kind, last.previous_status), (9, EventKind::StatusChanged, Some(OrderStatus::Pending)));
    assert_eq!(last.entity, Entity::Order(cancelled.value.clone().into()));
    assert_eq!((last.actor, last.occurred_at), (Some(user("staff").id), at(8)));
    assert_eq!(cancelled.value.history[1].seq, 9);

    let log = whole_log(db.store()).await;
    assert_eq!(log[3..6], placed.events);
    assert_eq!(log[6..], cancelled.events);
    let mut ids: Vec<EventId> = log.iter().map(|event| event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), log.len(), "each entry has an id of its own");
}

pub async fn is_read_in_parts(db: &Db) {
    let fresh = db.log_state().await.unwrap();
    assert_eq!((fresh.head, fresh.horizon), (0, 0));
    let page = db.read_log(0, LogFilter::ALL, 5).await.unwrap();
    assert_eq!((page.events.len(), page.through), (0, 0));

    let (lamp, vase, work) = (product("lamp"), product("vase"), task("work"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    for number in 0..4 {
        db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
        place(db.store(), &number.to_string(), &[(&vase, 1)]).await.unwrap();
    }
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let all = whole_log(db.store()).await;
    let head = all.len() as Seq;
    assert!(all.iter().map(|event| event.seq).eq(1..=15));
    assert_eq!(db.log_state().await.unwrap(), LogState { head, ..fresh });

    let by = |kind, entity| LogFilter { kind, entity };
    for filter in [
        LogFilter::ALL,
        by(Some(EntityKind::Product), None),
        by(Some(EntityKind::Order), None),
        by(Some(EntityKind::Task), None),
        by(None, Some(lamp.id.ulid())),
        by(Some(EntityKind::Product), Some(vase.id.ulid())),
        by(Some(EntityKind::Task), Some(lamp.id.ulid())),
        by(None, Some(product("missing").id.ulid())),
    ] {
        for limit in [1, 3, 100] {
            for after in 0..=head {
                let matching: Vec<Event> = all
                    .iter()
                    .filter(|event| event.seq > after && filter.matches(event))
                    .take(limit)
                    .cloned()
                    .collect();
                let page = db.read_log(after, filter, limit as u32).await.unwrap();
                let through = if matching.len() == limit { matching[limit - 1].seq } else { head };
                assert_eq!((&page.events, page.through), (&matching, through), "{filter:?} after {after}, {limit}");
            }
        }
    }
}

/// No failure, no import and no read leaves an entry or a hole.
pub async fn has_nothing_of_what_did_not_happen(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let missing = product("missing");
    let stale = ProductChanges::default();
    assert!(db.insert_product(lamp.clone(), stamp()).await.is_err());
    assert!(db.update_product(lamp.id, stale.clone(), Some(7), stamp()).await.is_err());
    assert!(db.update_product(missing.id, stale, None, stamp()).await.is_err());
    assert!(db.adjust_stock(adjustment(&lamp, -11), stamp()).await.is_err());
    assert!(place(db.store(), "1", &[(&lamp, 11)]).await.is_err());
    assert!(place(db.store(), "1", &[(&lamp, 1), (&missing, 1)]).await.is_err());
    assert!(db.delete_task(task("missing").id, stamp()).await.is_err());
    assert!(db.update_task(task("missing").id, TaskChanges::default(), None, stamp()).await.is_err());
    db.import_orders(&[past_order("2", &[(&lamp, 1)])]).await.unwrap();
    db.import_tasks(&[task("imported")]).await.unwrap();
    db.insert_user(&user("anna"), None).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, 1);
    let next = db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
    assert_eq!(next.events[0].seq, 2);
}
