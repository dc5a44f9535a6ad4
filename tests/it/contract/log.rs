//! The event log: its entries and how it is read. `changes.rs` tests what each change appends.

use orderwire::{domain::*, storage::LogState};

use super::engine::Db;
use crate::support::data::{
    adjustment, buyer, insert_products, past_order, place, product, stamp, task, user, whole_log,
};

pub async fn each_log_entry_has_an_id_of_its_own(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    place(db.store(), "1", &[(&vase, 2), (&lamp, 1)]).await.unwrap();
    let log = whole_log(db.store()).await;
    let mut ids: Vec<EventId> = log.iter().map(|event| event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

pub async fn the_log_is_read_in_parts(db: &Db) {
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

    let by = |kind, entity| LogFilter { kind, entity, user: None };
    for filter in [
        LogFilter::ALL,
        by(Some(EntityKind::Product), None),
        by(Some(EntityKind::Order), None),
        by(Some(EntityKind::Task), None),
        by(None, Some(lamp.id.ulid())),
        by(Some(EntityKind::Product), Some(vase.id.ulid())),
        by(Some(EntityKind::Task), Some(lamp.id.ulid())),
        by(None, Some(product("missing").id.ulid())),
        LogFilter { user: Some(buyer()), ..LogFilter::ALL },
        LogFilter { user: Some(work.created_by), ..LogFilter::ALL },
        LogFilter { user: Some(buyer()), ..by(Some(EntityKind::Order), None) },
        LogFilter { user: Some(buyer()), ..by(Some(EntityKind::Task), None) },
        LogFilter { user: Some(work.created_by), ..by(Some(EntityKind::Task), Some(work.id.ulid())) },
        LogFilter { user: Some(buyer()), ..by(None, Some(work.id.ulid())) },
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
                assert_eq!(page.has_more, matching.len() == limit, "{filter:?} after {after}, {limit}");
            }
        }
    }
}

pub async fn a_page_of_large_entries_ends_early_and_says_so(db: &Db) {
    const PAGE_BYTES: usize = 1024 * 1024;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let mut entities = vec![Entity::from(lamp.clone())];
    for (number, kilobytes) in [300, 0, 1, 400, 2000, 1, 700, 3, 700, 4, 5].into_iter().enumerate() {
        let work = Task { description: Some("☃".repeat(kilobytes * 1024 / 3)), ..task(&format!("work {number}")) };
        entities.push(db.insert_task(work, stamp()).await.unwrap().into());
        entities.push(db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap().into());
        db.catch_up_log().await.unwrap();
    }
    let all = whole_log(db.store()).await;
    let head = all.len() as Seq;
    assert!(all.iter().map(|event| &event.entity).eq(&entities));
    assert!(all.iter().map(|event| event.seq).eq(1..=head));

    for kind in [None, Some(EntityKind::Task), Some(EntityKind::Product)] {
        let filter = LogFilter { kind, ..LogFilter::ALL };
        for limit in [1, 4, 100] {
            for after in 0..=head {
                let (mut expected, mut bytes) = (Vec::new(), 0);
                let mut matching = all.iter().filter(|event| event.seq > after && filter.matches(event));
                while expected.len() < limit
                    && bytes < PAGE_BYTES
                    && let Some(event) = matching.next()
                {
                    bytes += event.memory();
                    expected.push(event.clone());
                }
                let has_more = expected.len() == limit || bytes >= PAGE_BYTES;
                let through = if has_more { expected[expected.len() - 1].seq } else { head };
                let page = db.read_log(after, filter, limit as u32).await.unwrap();
                assert_eq!((page.through, page.has_more), (through, has_more), "{kind:?} after {after}, {limit}");
                assert!(page.events == expected, "{kind:?} after {after}, {limit}");
            }
        }
    }
}

/// Neither do they leave a gap in the numbers.
pub async fn failures_imports_and_reads_leave_no_log_entry(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let missing = product("missing");
    let rename = |name: &str| ProductChanges { name: Some(name.into()), ..ProductChanges::default() };
    assert!(db.insert_product(lamp.clone(), stamp()).await.is_err());
    assert!(db.update_product(lamp.id, rename("other"), Some(7), stamp()).await.is_err());
    assert!(db.update_product(lamp.id, ProductChanges::default(), None, stamp()).await.is_err());
    assert_eq!(db.update_product(lamp.id, rename(&lamp.name), None, stamp()).await.unwrap(), lamp);
    assert!(db.update_product(missing.id, rename("other"), None, stamp()).await.is_err());
    assert!(db.adjust_stock(adjustment(&lamp, -11), stamp()).await.is_err());
    assert!(place(db.store(), "1", &[(&lamp, 11)]).await.is_err());
    assert!(place(db.store(), "1", &[(&lamp, 1), (&missing, 1)]).await.is_err());
    assert!(db.delete_task(task("missing").id, stamp()).await.is_err());
    let done = TaskChanges { status: Some(TaskStatus::Done), ..TaskChanges::default() };
    assert!(db.update_task(task("missing").id, done, None, stamp()).await.is_err());
    db.import_orders(&[past_order("2", &[(&lamp, 1)])]).await.unwrap();
    db.import_tasks(&[task("imported")]).await.unwrap();
    db.import_users(&[user("anna")]).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, 1);
    db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, 2);
}

/// As after a restore from a backup: a reader that is further than the log keeps its place.
pub async fn reading_the_log_past_its_head_stays_there(db: &Db) {
    insert_products(db.store(), &[&product("lamp")]).await;
    for after in [1, 2, 100] {
        let page = db.read_log(after, LogFilter::ALL, 10).await.unwrap();
        assert_eq!((page.events.len(), page.through), (0, after));
    }
}
