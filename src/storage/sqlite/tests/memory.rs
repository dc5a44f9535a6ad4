//! The memory that the engine takes.

use std::sync::{Arc, Barrier};

use rusqlite::Connection;

use super::*;

/// What a connection keeps and maps, and the limits of the process: `cache_size`, `mmap_size`, `soft_heap_limit` and
/// `hard_heap_limit`.
fn pragmas(db: &Connection) -> [i64; 4] {
    ["cache_size", "mmap_size", "soft_heap_limit", "hard_heap_limit"]
        .map(|name| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(name)).unwrap())
}

/// The settings of the writer and of each reader.
async fn all_pragmas(store: &SqliteStore, readers: usize) -> ([i64; 4], Vec<[i64; 4]>) {
    // Each read waits for the others, so each runs on a connection of its own.
    let together = Arc::new(Barrier::new(readers));
    let reads = (0..readers).map(|_| {
        let together = Arc::clone(&together);
        store.read(move |db| {
            together.wait();
            Ok(pragmas(db))
        })
    });
    let reads = futures_util::future::try_join_all(reads).await.unwrap();
    (store.write(|db| Ok(pragmas(db))).await.unwrap(), reads)
}

#[tokio::test]
async fn all_connections_together_stay_within_the_configured_memory() {
    const MIB: i64 = 1 << 20;
    let defaults = default_options();
    for (readers, page_cache, mmap) in [(defaults.readers, defaults.page_cache, defaults.mmap), (7, 16 << 20, 0)] {
        let options = SqliteOptions { readers, page_cache, mmap, ..defaults };
        let store = SqliteStore::open(SqliteLocation::Temporary, options).await.unwrap();
        let (writer, read) = all_pragmas(&store, readers).await;
        let all = [vec![writer], read].concat();
        assert_eq!(all.len(), readers + 1);
        for [cache, _, soft, hard] in &all {
            assert!(*cache < 0, "counted in KiB, not in pages: {cache}");
            assert_eq!([*soft, *hard], [224 * MIB, 256 * MIB]);
        }
        let sum = |at: usize| all.iter().map(|values| usize::try_from(values[at].abs()).unwrap()).sum::<usize>();
        let cache = sum(0) * 1024;
        assert!((page_cache - (64 << 10)..=page_cache).contains(&cache), "{cache} bytes of page cache");
        assert!(sum(1) <= mmap && sum(1) + readers > mmap, "{} bytes are mapped", sum(1));
        store.close().await;
    }
}

#[tokio::test]
async fn a_read_that_needs_more_than_the_heap_fails_and_the_store_goes_on() {
    let options = SqliteOptions { page_cache: 4 << 20, heap: 36 << 20, ..default_options() };
    let store = SqliteStore::open(SqliteLocation::Temporary, options).await.unwrap();
    store.insert_task(task("a"), stamp(0)).await.unwrap();
    let sort = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
        SELECT length(text) AS length FROM (SELECT randomblob(1000000) AS text FROM n) ORDER BY text";
    let sorted = store.read(move |db| Ok(db.query_row(sort, [], |row| row.get::<_, i64>("length"))?)).await;
    assert!(matches!(&sorted, Err(StoreError::Unavailable(why)) if why.contains("database.sqlite_heap")), "{sorted:?}");
    store.insert_task(task("b"), stamp(1)).await.unwrap();
    assert_eq!(store.count_tasks(&[TaskFilter::default()]).await.unwrap(), [2]);
}
