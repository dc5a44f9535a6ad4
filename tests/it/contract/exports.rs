//! Exports: whole, of one moment of the log, and read back without loss.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use orderwire::{
    domain::*,
    service::{
        export::{ExportSummary, export},
        import::{ImportSource, NoProgress, jsonl},
    },
    storage::{
        Credentials, ExportBatch, ExportKind, Store,
        sqlite::{SqliteLocation, SqliteStore},
    },
};
use tokio::sync::mpsc;

use super::engine::Db;
use crate::support::{
    data::{
        adjustment, at, buyer, by_system, insert_products, key, new_order, place, product, step, task, user, whole_log,
    },
    options::sqlite_options,
};

const KINDS: [ExportKind; 4] = [ExportKind::Users, ExportKind::Products, ExportKind::Orders, ExportKind::Tasks];

async fn text(store: Arc<dyn Store>, kind: ExportKind, with_password_hashes: bool) -> (String, ExportSummary) {
    let mut out = Vec::new();
    let summary = export(store, kind, with_password_hashes, &mut out, |_| ()).await.unwrap();
    (String::from_utf8(out).unwrap(), summary)
}

fn metadata(number: usize) -> Metadata {
    let items = |part: &str| [(format!("{part}:{number}"), "line\n\"\u{1f642}\"".to_owned())].into_iter().collect();
    Metadata { public: items("public"), private: items("private") }
}

/// Entities of all kinds with many versions, and more of them than a batch has.
async fn fill(db: &Db) {
    db.insert_user(&User { id: buyer(), ..user("buyer") }, Some("$argon2id$hash")).await.unwrap();
    for number in 0..150 {
        let one =
            User { metadata: metadata(number), region: Some("Nederland".to_owned()), ..user(&format!("user{number}")) };
        db.insert_user(&one, (number % 2 == 0).then_some("$argon2id$other")).await.unwrap();
    }
    db.delete_user(user("user7").id, by_system(7)).await.unwrap();
    let products: Vec<Product> =
        (0..120).map(|number| Product { metadata: metadata(number), ..product(&format!("sku{number}")) }).collect();
    insert_products(db.store(), &products.iter().collect::<Vec<_>>()).await;
    db.update_product(products[3].id, ProductChanges::archive(), None, by_system(3)).await.unwrap();
    for number in 0..110 {
        let lines = [(&products[number], 1), (&products[0], 1)];
        let lines = if number == 0 {
            &lines[..1]
        } else if number < 8 && number != 3 {
            &lines[..]
        } else {
            &lines[..0]
        };
        if lines.is_empty() {
            continue;
        }
        let order = place(db.store(), &format!("number{number}"), lines).await.unwrap().order;
        let change = MetadataChange { set: metadata(number).private, remove: Vec::new(), private: true };
        db.update_order_metadata(order.id, change, None, by_system(9)).await.unwrap();
        db.change_order_status(step(order.id, OrderStatus::Cancelled), by_system(10)).await.unwrap();
    }
    for number in 0..130 {
        let work =
            Task { metadata: metadata(number), assignee: Some(user("user1").id), ..task(&format!("work {number}")) };
        db.insert_task(work.clone(), by_system(1)).await.unwrap();
        let changes = TaskChanges { status: Some(TaskStatus::Done), ..TaskChanges::default() };
        db.update_task(work.id, changes, None, by_system(2)).await.unwrap();
    }
}

/// The lines, imported into an empty database, are exported again as the same lines.
pub async fn an_export_is_read_back_without_loss(db: &Db) {
    fill(db).await;
    let folder = tempfile::tempdir().unwrap();
    let copy: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap());
    let head = whole_log(db.store()).await.len() as Seq;
    for (kind, rows) in KINDS.into_iter().zip([151, 120, 7, 130]) {
        let (lines, summary) = text(db.shared(), kind, true).await;
        let log = db.log_state().await.unwrap().log;
        assert_eq!(summary, ExportSummary { lines: rows, cursor: EventCursor::after(log, head) });
        assert_eq!(lines.lines().count() as u64, rows);
        let file = folder.path().join("lines.jsonl");
        std::fs::write(&file, &lines).unwrap();
        for again in [false, true] {
            let summary = jsonl::import(&*copy, &ImportSource::File(file.clone()), Arc::new(NoProgress)).await.unwrap();
            let counts: Vec<_> = summary.values().map(|counts| (counts.total, counts.new)).collect();
            assert_eq!(counts, [(rows, if again { 0 } else { rows })]);
        }
        assert_eq!(text(copy.clone(), kind, true).await.0, lines);
    }
    let (without, _) = text(db.shared(), ExportKind::Users, false).await;
    assert!(!without.contains("argon2id") && without.lines().count() == 151);
    let credentials = copy.credentials_by_id(buyer()).await.unwrap().unwrap();
    assert_eq!(credentials.password_hash.as_deref(), Some("$argon2id$hash"));
    assert_eq!(whole_log(&*copy).await, []);
    copy.close().await;
}

/// The states of an export by id.
async fn exported(store: Arc<dyn Store>, kind: ExportKind) -> (BTreeMap<ulid::Ulid, (i32, Entity)>, Seq) {
    let (sender, mut batches) = mpsc::channel(1);
    let reading = tokio::spawn(async move { store.export(kind, sender).await.unwrap() });
    let mut found = BTreeMap::new();
    while let Some(batch) = batches.recv().await {
        let entities: Vec<Entity> = match batch {
            ExportBatch::Products(products) => products.into_iter().map(Entity::from).collect(),
            ExportBatch::Orders(orders) => orders.into_iter().map(Entity::from).collect(),
            ExportBatch::Tasks(tasks) => tasks.into_iter().map(Entity::from).collect(),
            ExportBatch::Users(users) => users
                .into_iter()
                .map(|Credentials { user, .. }| UserVersion { id: user.id, version: user.version }.into())
                .collect(),
        };
        found.extend(entities.into_iter().map(|entity| (entity.id(), (entity.version(), entity))));
    }
    (found, reading.await.unwrap().seq)
}

/// What the log says of the entities of a kind up to an entry.
fn by_the_log(log: &[Event], kind: EntityKind, through: Seq) -> BTreeMap<ulid::Ulid, (i32, Entity)> {
    let mut found = BTreeMap::new();
    for event in log.iter().filter(|event| event.seq <= through && event.entity.kind() == kind) {
        match event.kind {
            EventKind::Deleted if kind == EntityKind::Task => _ = found.remove(&event.entity.id()),
            _ => _ = found.insert(event.entity.id(), (event.entity.version(), event.entity.clone())),
        }
    }
    found
}

/// Each export beside writers equals what the log says up to its entry: nothing is missing and nothing is there twice after
/// it.
pub async fn an_export_beside_writers_is_of_one_entry_of_the_log(db: &Db) {
    let products: Vec<Product> = (0..3).map(|number| product(&format!("sku{number}"))).collect();
    insert_products(db.store(), &products.iter().collect::<Vec<_>>()).await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3_usize)
        .map(|writer| {
            let (store, done, products) = (db.shared(), done.clone(), products.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !done.load(Relaxed) {
                    number += 1;
                    let name = format!("{writer}-{number}");
                    store.adjust_stock(adjustment(&products[writer], 5), by_system(1)).await.unwrap();
                    let order = new_order(&name, &[(&products[writer], 1)]);
                    let placed = store.place_order(order, key(&name), by_system(2)).await.unwrap();
                    store
                        .change_order_status(step(placed.order.id, OrderStatus::Confirmed), by_system(3))
                        .await
                        .unwrap();
                    let work = store.insert_task(task(&name), by_system(4)).await.unwrap();
                    if number % 2 == 0 {
                        store.delete_task(work.id, by_system(5)).await.unwrap();
                    }
                    store.insert_user(&user(&name), None).await.unwrap();
                }
            })
        })
        .collect();
    let mut exports = Vec::new();
    let kinds = [EntityKind::User, EntityKind::Product, EntityKind::Order, EntityKind::Task];
    for _ in 0..4 {
        for (export, kind) in KINDS.into_iter().zip(kinds) {
            exports.push((kind, exported(db.shared(), export).await));
        }
    }
    done.store(true, Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let log = whole_log(db.store()).await;
    let moments: BTreeSet<Seq> = exports.iter().map(|(_, (_, through))| *through).collect();
    assert!(moments.len() > 1, "the exports are of different moments");
    for (kind, (found, through)) in exports {
        // A history names its entry once the entry has an id, which the state in the log has, too.
        assert_eq!(found, by_the_log(&log, kind, through), "{kind:?} through {through}");
    }
}

/// The first line that is not acceptable is named, and those before it are stored.
pub async fn a_line_that_is_not_acceptable_is_named_by_its_number(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let [one, two, three] =
        ["a", "b", "c"].map(|sku| serde_json::to_string(&jsonl::Line::Product(product(sku))).unwrap());
    let mut lines = [one, two, three];
    lines.sort_by_key(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["product"]["id"].to_string());
    let [first, second, third] = &lines;
    let taken = second
        .replace(&second[second.find("\"sku\":").unwrap()..][..9], &first[first.find("\"sku\":").unwrap()..][..9]);
    let order =
        serde_json::to_string(&jsonl::Line::Order(crate::support::data::past_order("1", &[(&product("a"), 1)])))
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (content, line, reason, stored) in [
        (
            format!("{first}\n{}\n{third}\n", second.replace("\"sku\"", "\"colour\":\"red\",\"sku\"")),
            2,
            "unknown field product.colour",
            1,
        ),
        (format!("{first}\n{}\n{third}\n", second.replace("\"stock\":10", "\"stock\":\"10\"")), 2, "invalid type", 1),
        (format!("{first}\n{}\n{third}\n", second.replace("\"stock\":10", "\"stock\":-1")), 2, "stock is negative", 1),
        (
            format!("{first}\n{}\n{third}\n", second.replace("\"stock\":10", "\"stock\":10,\"stock\":10")),
            2,
            "duplicate field",
            1,
        ),
        (format!("{first}\n{second}\n{second}\n{third}\n"), 3, "the same id", 2),
        (format!("{first}\n{third}\n{second}\n"), 3, "is below that of the line before it", 2),
        (format!("{first}\n{second}\n{}", &third[..third.len() - 9]), 3, "cut off", 2),
        (format!("{first}\n{second}\n{third}"), 3, "cut off", 2),
        (format!("{first}\n\n{second}\n"), 2, "EOF", 1),
        (format!("{first}\n{{\"robot\":{{}}}}\n"), 2, "unknown variant", 1),
        (format!("{first}\n{taken}\n{third}\n"), 2, "Sku is taken", 1),
        (format!("{first}\n{order}\n"), 2, "there is no user", 1),
        ("\u{0}\u{1}\n".to_owned(), 1, "expected value", 0),
    ] {
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap());
        let file = folder.path().join("lines.jsonl");
        std::fs::write(&file, &content).unwrap();
        let failed = jsonl::import(&*store, &ImportSource::File(file.clone()), Arc::new(NoProgress)).await;
        let message = failed.unwrap_err().to_string();
        let place = format!("line {line}: ");
        let before = format!("the {} lines before it are stored", line - 1);
        assert!(message.contains(&place) && message.contains(reason) && message.contains(&before), "{message}");
        let counted = store.count_products(&[ProductFilter::default()]).await.unwrap();
        assert_eq!(counted, [stored], "{message}");
        store.close().await;
    }
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(anna)]);
    let _ = at(0);
}
