//! Reads that secondaries answer.

mod mongodb {
    use std::time::Duration;

    use orderwire::{
        domain::{LogFilter, Product},
        storage::{
            EventStore, ProductStore,
            mongo::{MongoOptions, MongoStore, ReadFrom},
        },
        telemetry::metrics::metrics,
    };

    use crate::support::{
        data::{adjustment, insert_products, product, stamp},
        mongod::Mongod,
        options::mongo_options,
        wait_until,
    };

    /// A fail point with which a secondary fetches no changes.
    const HELD_BACK: &str = "stopReplProducer";
    const TIMEOUT: Duration = Duration::from_secs(60);
    const READS: usize = 20;

    async fn connect(members: &[Mongod], read_from: ReadFrom) -> MongoStore {
        let options = MongoOptions { server_selection_timeout: Duration::from_secs(30), read_from, ..mongo_options() };
        MongoStore::connect(&Mongod::url_of(members), options).await.unwrap()
    }

    /// The stock of the lamp, after a read of the log as the feed makes it all the time.
    async fn stock(store: &MongoStore, lamp: &Product) -> i32 {
        store.read_log(0, LogFilter::ALL, 1).await.unwrap();
        store.products_by_ids(&[lamp.id]).await.unwrap().remove(0).unwrap().stock
    }

    /// How many queries each member runs during `work`.
    async fn queries_during<T>(members: &[Mongod; 3], work: impl Future<Output = T>) -> [i64; 3] {
        let count = async || {
            let [first, second, third] = members;
            [first.queries().await, second.queries().await, third.queries().await]
        };
        let before = count().await;
        work.await;
        let after = count().await;
        std::array::from_fn(|member| after[member] - before[member])
    }

    /// Without what replication asks the members for, which are queries, too, but far fewer than these.
    const MANY: i64 = READS as i64 / 2;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn secondaries_answer_reads_and_none_shows_less_than_the_node_has_seen() {
        let members: [Mongod; 3] = Mongod::start_members().await;
        let store = connect(&members, ReadFrom::Secondary).await;
        let lamp = Product { stock: 1000, ..product("lamp") };
        insert_products(&store, &[&lamp]).await;
        let expect = async |expected: i32| {
            for _ in 0..READS {
                assert_eq!(stock(&store, &lamp).await, expected);
            }
        };
        // Each iteration reads the log on the primary and the product on a secondary.
        let [_, second, third] = queries_during(&members, expect(1000)).await;
        assert!(second + third >= READS as i64, "secondaries answered {second} and {third} queries");

        // One secondary is behind: what it can't answer in time, the primary answers, and nothing is old.
        members[2].set_fail_point(HELD_BACK, true).await;
        for expected in [999, 998] {
            store.adjust_stock(adjustment(&lamp, -1), stamp()).await.unwrap();
            expect(expected).await;
        }
        assert!(metrics().mongodb_replica_fallbacks.get() > 0, "a read waited for the secondary that is behind");

        // It catches up, and both answer again.
        members[2].set_fail_point(HELD_BACK, false).await;
        wait_until("secondaries answer again", TIMEOUT, async || {
            let [_, second, third] = queries_during(&members, expect(998)).await;
            second >= MANY / 2 && third >= MANY / 2 && second + third >= READS as i64
        })
        .await;

        // Without fresh reads of the log the primary answers.
        wait_until("the primary answers", TIMEOUT, async || {
            let reads = async {
                for _ in 0..READS {
                    assert_eq!(store.products_by_ids(&[lamp.id]).await.unwrap()[0].as_ref().unwrap().stock, 998);
                }
            };
            queries_during(&members, reads).await[0] >= READS as i64
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn reads_go_on_while_another_member_becomes_the_primary() {
        let members: [Mongod; 3] = Mongod::start_members().await;
        for read_from in [ReadFrom::Nearest, ReadFrom::Secondary] {
            let store = connect(&members, read_from).await;
            let lamp = Product { stock: 1000, ..product(&format!("lamp-{read_from:?}")) };
            insert_products(&store, &[&lamp]).await;
            let next = if read_from == ReadFrom::Nearest { &members[1] } else { &members[2] };
            let mut election = Box::pin(next.take_over());
            let mut expected = 1000;
            loop {
                tokio::select! {
                    () = &mut election => break,
                    found = stock(&store, &lamp) => assert_eq!(found, expected),
                }
            }
            store.adjust_stock(adjustment(&lamp, -1), stamp()).await.unwrap();
            expected -= 1;
            assert_eq!(stock(&store, &lamp).await, expected);
        }
    }
}
