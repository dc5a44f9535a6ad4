//! The file, its connections, the reading threads and the writing thread.

use std::sync::{Arc, mpsc};

use super::*;

#[tokio::test]
async fn acknowledged_writes_survive_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let location = SqliteLocation::File(folder.path().join("shop.db"));
    let store = SqliteStore::open(location.clone(), default_options()).await.unwrap();
    let thing = product("a", 3);
    store.insert_product(thing.clone(), stamp(0)).await.unwrap();
    let placed = store.place_order(new_order("1", &[(&thing, 2)]), key("k"), stamp(1)).await.unwrap();
    let before = store.log_state().await.unwrap();
    // The first store stays open, so the second finds the write-ahead log as a crash leaves it.
    let again = SqliteStore::open(location, default_options()).await.unwrap();
    assert_eq!(again.log_state().await.unwrap(), before);
    assert_eq!(again.orders_by_numbers(&["1".into()]).await.unwrap(), [Some(placed.order.clone())]);
    let replay = again.place_order(new_order("2", &[(&thing, 2)]), key("k"), stamp(2)).await.unwrap();
    assert_eq!(replay, Placed::replayed(placed.order));
    // Both write to one file; the log's numbers stay in one row.
    for (number, store) in [(3, &store), (4, &again), (5, &store)] {
        store.insert_task(task(&format!("t{number}")), stamp(number)).await.unwrap();
        assert_eq!(store.log_state().await.unwrap().head, number + 1);
    }
}

#[tokio::test]
async fn racing_buyers_sell_no_unit_twice_and_leave_no_gap_in_the_log() {
    let store = Arc::new(temporary().await);
    let (few, many) = (product("few", 10), product("many", 1000));
    for product in [&few, &many] {
        store.insert_product(product.clone(), stamp(0)).await.unwrap();
    }
    let buyers: Vec<_> = (0..50)
        .map(|number| {
            let order = new_order(&number.to_string(), &[(&many, 1), (&few, 1)]);
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.place_order(order, key(&number.to_string()), stamp(1)).await })
        })
        .collect();
    let mut placed = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(_) => placed += 1,
            Err(StoreError::Refused(Refusal::InsufficientStock { input_index: 1, available: 0 })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(placed, 10);
    let left: Vec<i32> =
        store.products_by_ids(&[few.id, many.id]).await.unwrap().into_iter().map(|p| p.unwrap().stock).collect();
    assert_eq!(left, [0, 990]);
    let log = store.read_log(0, LogFilter::ALL, 1000).await.unwrap();
    let seqs: Vec<Seq> = log.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=32).collect::<Vec<_>>());
    assert_eq!(log.through, 32);
    for event in &log.events {
        if let Entity::Order(order) = &event.entity {
            assert_eq!(order.history[0].event, Some(event.id));
        }
    }
}

#[tokio::test]
async fn failed_change_writes_nothing_and_the_rest_of_its_batch_succeeds() {
    let store = temporary().await;
    let (a, b) = (product("a", 5), product("b", 1));
    for product in [&a, &b] {
        store.insert_product(product.clone(), stamp(0)).await.unwrap();
    }
    let taken = Product { sku: "a".into(), ..product("c", 1) };
    let short = new_order("1", &[(&a, 1), (&b, 2)]);
    let missing = new_order("2", &[(&b, 2), (&product("never", 1), 1)]);
    let fine = new_order("3", &[(&a, 1)]);
    let (taken, short, missing, fine, panicked) = tokio::join!(
        store.insert_product(taken, stamp(1)),
        store.place_order(short, key("1"), stamp(1)),
        store.place_order(missing, key("2"), stamp(1)),
        store.place_order(fine, key("3"), stamp(1)),
        store.write(|db| -> Result<()> {
            db.execute("DELETE FROM orders", []).unwrap();
            panic!("as a bug would")
        }),
    );
    assert!(matches!(taken, Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::Sku)))), "{taken:?}");
    assert!(
        matches!(short, Err(StoreError::Refused(Refusal::InsufficientStock { input_index: 1, available: 1 }))),
        "{short:?}"
    );
    assert!(
        matches!(missing, Err(StoreError::Refused(Refusal::InsufficientStock { input_index: 0, available: 1 }))),
        "{missing:?}"
    );
    fine.unwrap();
    assert_eq!(store.log_state().await.unwrap().head, 4);
    assert!(matches!(panicked, Err(StoreError::Internal(_))));
    assert_eq!(store.products_by_ids(&[a.id]).await.unwrap()[0].as_ref().map(|product| product.stock), Some(4));
    assert_eq!(store.count_orders(&[OrderFilter::default()]).await.unwrap(), [1]);
}

#[tokio::test]
async fn readers_do_not_wait_for_the_writer_and_cancelled_callers_break_nothing() {
    let store = Arc::new(temporary().await);
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let slow = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            store
                .write(move |db| {
                    db.execute("UPDATE log SET head = head + 5", [])?;
                    started.send(()).unwrap();
                    resumed.recv().unwrap();
                    Ok(())
                })
                .await
        }
    });
    has_started.await.unwrap();
    assert_eq!(store.log_state().await.unwrap().head, 0);
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    resume.send(()).unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.log_state().await.unwrap().head, 5);
}

#[tokio::test]
async fn more_reads_than_the_queue_holds_are_all_answered_beside_reads_that_fail_or_panic() {
    let store = temporary().await;
    let reads = (0..1000).map(|number| {
        store.read(move |db| match number % 100 {
            0 => panic!("as a bug would"),
            1 => Ok(db.query_row("SELECT missing FROM log", [], |row| row.get("missing"))?),
            _ => Ok(db.query_row("SELECT ?1 AS number", [number], |row| row.get("number"))?),
        })
    });
    let answers: Vec<Result<i64>> = futures_util::future::join_all(reads).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match number % 100 {
            0 | 1 => assert!(answer.is_err(), "{number}: {answer:?}"),
            _ => assert_eq!(answer.unwrap(), number as i64),
        }
    }
}

#[tokio::test]
async fn queued_reads_are_answered_before_the_store_closes() {
    let store = temporary().await;
    let (resume, resumed) = mpsc::channel::<()>();
    let resumed = Arc::new(std::sync::Mutex::new(resumed));
    // More than there are threads, so that some still wait when the store is closed.
    let reads = (0..20).map(|number| {
        let resumed = Arc::clone(&resumed);
        store.read(move |_| {
            resumed.lock().unwrap().recv().unwrap();
            Ok(number)
        })
    });
    let mut reads = std::pin::pin!(futures_util::future::join_all(reads));
    assert!(futures_util::poll!(&mut reads).is_pending());
    let mut closing = std::pin::pin!(store.close());
    assert!(futures_util::poll!(&mut closing).is_pending());
    (0..20).for_each(|_| resume.send(()).unwrap());
    let answers: Vec<i64> = reads.await.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers, (0..20).collect::<Vec<_>>());
    closing.await;
    assert!(matches!(store.log_state().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn pruning_keeps_numbering_and_the_newest_entry() {
    let store = temporary().await;
    for number in 0..5 {
        // The clock goes back once: an older entry must not outlive the entries after it.
        let millis = if number == 2 { 0 } else { number * 10 };
        store.insert_task(task(&number.to_string()), stamp(millis)).await.unwrap();
    }
    store.prune(at(0), at(10), at(0)).await.unwrap();
    let state = store.log_state().await.unwrap();
    assert_eq!((state.head, state.horizon), (5, 1));
    assert_eq!(store.read_log(1, LogFilter::ALL, 10).await.unwrap().events.len(), 4);
    store.prune(at(0), at(1_000_000), at(0)).await.unwrap();
    let state = store.log_state().await.unwrap();
    assert_eq!((state.head, state.horizon), (5, 4));
    store.insert_task(task("next"), stamp(1)).await.unwrap();
    assert_eq!(store.log_state().await.unwrap().head, 6);
}

async fn refused(location: SqliteLocation, options: SqliteOptions) -> String {
    match SqliteStore::open(location, options).await {
        Err(StoreError::Unavailable(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| SqliteLocation::File(folder.path().join(name));
    let path = |name: &str| folder.path().join(name);
    let options = SqliteOptions { busy_timeout: std::time::Duration::from_millis(50), ..default_options() };

    let why = refused(file("missing/shop.db"), options).await;
    assert!(why.contains("its folder does not exist") && why.contains("missing"), "{why}");
    let why = refused(SqliteLocation::File(folder.path().to_owned()), options).await;
    assert!(why.contains("is a folder"), "{why}");

    std::fs::write(path("text.db"), "not a database, and longer than the header of one would be. ".repeat(100))
        .unwrap();
    let why = refused(file("text.db"), options).await;
    assert!(why.contains("not an SQLite database"), "{why}");

    let other = rusqlite::Connection::open(path("other.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let why = refused(file("other.db"), options).await;
    assert!(why.contains("another program"), "{why}");

    SqliteStore::open(file("newer.db"), options).await.unwrap().close().await;
    let newer = rusqlite::Connection::open(path("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let why = refused(file("newer.db"), options).await;
    assert!(why.contains("schema version 99") && why.contains("run a newer Orderwire"), "{why}");
}

#[tokio::test]
async fn another_writer_makes_writes_unavailable_and_leaves_reads_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let options = SqliteOptions { busy_timeout: std::time::Duration::from_millis(50), ..default_options() };
    let store = SqliteStore::open(SqliteLocation::File(path.clone()), options).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.insert_task(task("a"), stamp(0)).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("another program")), "{refused:?}");
    assert!(store.ping().await.is_err());
    assert_eq!(store.count_tasks(&[TaskFilter::default()]).await.unwrap(), [0]);
    other.execute_batch("ROLLBACK").unwrap();
    store.insert_task(task("a"), stamp(0)).await.unwrap();
}

#[tokio::test]
async fn a_full_database_refuses_the_change_and_recovers() {
    let store = temporary().await;
    store.write(|db| Ok(db.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?)).await.unwrap();
    let mut large = task("large");
    large.description = Some("word ".repeat(1_000_000));
    let refused = store.insert_task(large.clone(), stamp(0)).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("disk is full")), "{refused:?}");
    assert_eq!(store.log_state().await.unwrap().head, 0);
    store.write(|db| Ok(db.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(()))?)).await.unwrap();
    store.insert_task(large, stamp(0)).await.unwrap();
}

/// What "on disk" relies on. https://www.sqlite.org/pragma.html#pragma_synchronous
#[tokio::test]
async fn each_commit_is_synced_to_the_disk_before_it_is_answered() {
    let store = temporary().await;
    let settings = store.write(|db| {
        let journal: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        Ok((journal, number("synchronous")?, number("fullfsync")?))
    });
    let full = 2;
    assert_eq!(settings.await.unwrap(), ("wal".to_owned(), full, 1));
}

#[tokio::test]
async fn closed_store_is_unavailable_and_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let store = SqliteStore::open(SqliteLocation::File(path), default_options()).await.unwrap();
    store.insert_task(task("a"), stamp(0)).await.unwrap();
    store.close().await;
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.insert_task(task("b"), stamp(0)).await, Err(StoreError::Unavailable(_))));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["shop.db"]);
}

#[tokio::test]
async fn a_deleted_user_leaves_no_word_in_the_search_index() {
    let store = temporary().await;
    let ada = user("Ada");
    store.insert_user(&ada, Some("hash")).await.unwrap();
    store.delete_user(ada.id, stamp(1)).await.unwrap();
    let words: i64 = store
        .write(|db| {
            db.execute_batch("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, users_fts, row)")?;
            Ok(db.query_row(
                "SELECT count(*) AS count FROM temp.words WHERE term IN ('ada', 'example')",
                [],
                |row| row.get("count"),
            )?)
        })
        .await
        .unwrap();
    assert_eq!(words, 0);
    assert_eq!(store.count_users(&[UserFilter::default()]).await.unwrap(), [0]);
    assert_eq!(store.credentials_by_id(ada.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_migrated_and_its_entries_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let [anna, ben] = ["anna", "ben"].map(|name| Some(user(name).id));
    let work = Task { assignee: anna, ..task("work") };
    let entity = Entity::from(work.clone());
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/0001.sql")).unwrap();
    old.execute_batch("PRAGMA application_id = 0x4F574952; PRAGMA user_version = 1; UPDATE log SET head = 1").unwrap();
    let id = EventId::generate(at(0));
    old.execute(
        "INSERT INTO events VALUES (1, ?1, 'CREATED', 'TASK', ?2, 1, NULL, ?3, NULL, ?4)",
        rusqlite::params![id, entity.id().to_bytes(), at(0), entity.to_json().unwrap()],
    )
    .unwrap();
    drop(old);

    let store = SqliteStore::open(SqliteLocation::File(path), default_options()).await.unwrap();
    let kept = EventDraft::new(EventKind::Created, entity, stamp(0)).numbered(1);
    assert_eq!(store.read_log(0, LogFilter::ALL, 10).await.unwrap().events, [Event { id, ..kept }]);
    for name in ["anna", "ben"] {
        store.insert_user(&user(name), None).await.unwrap();
    }
    let later = store.insert_task(Task { assignee: anna, ..task("later") }, stamp(1)).await.unwrap();
    let changes = TaskChanges { assignee: Some(ben), ..TaskChanges::default() };
    let changed = store.update_task(later.id, changes, None, stamp(2)).await.unwrap();
    let log = store.read_log(4, LogFilter::ALL, 10).await.unwrap().events;
    assert_eq!((log[0].before, &log[0].entity), (Before { assignee: anna, ..Before::default() }, &changed.into()));
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_of_the_database_are_readable_for_their_owner_alone() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let modes = || {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let mut modes: Vec<_> = files
            .map(|file| {
                (file.file_name().into_string().unwrap(), file.metadata().unwrap().permissions().mode() & 0o777)
            })
            .collect();
        modes.sort();
        modes
    };
    let private = ["shop.db", "shop.db-shm", "shop.db-wal"].map(|name| (name.to_owned(), 0o600));
    let store = SqliteStore::open(SqliteLocation::File(path.clone()), default_options()).await.unwrap();
    store.insert_task(task("a"), stamp(0)).await.unwrap();
    assert_eq!(modes(), private);
    // Files of an older version: a second process opens them while the first still writes.
    for (name, _) in &private {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let again = SqliteStore::open(SqliteLocation::File(path), default_options()).await.unwrap();
    assert_eq!(modes(), private);
    again.close().await;
    store.close().await;
}
