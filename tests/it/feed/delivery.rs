use orderwire::{
    cluster::{EventBus, local::LocalBus, redis::RedisBus},
    service::feed::FeedOptions,
    storage::Store,
};

use super::{nodes::*, *};
use crate::{
    cluster::redis_server::{RedisServer, shared_url},
    support::{options::feed_options, stopwatch::Stopwatch},
};

/// Runs four writers on each node, which make 50 changes each.
async fn write_everywhere(nodes: &[Node]) {
    let writers = nodes.iter().flat_map(|node| std::iter::repeat_n(node.clone(), 4));
    let writers: Vec<_> = writers.map(|node| tokio::spawn(async move { node.write_many(50).await })).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn over_redis(store: &Arc<dyn Store>, url: &str, options: FeedOptions) -> Node {
    let log = store.log_state().await.unwrap().log;
    let bus = RedisBus::connect(url, log, TIMEOUT).await.unwrap();
    Node::start(store, Arc::new(bus), options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_without_a_common_bus_deliver_each_others_events_within_a_second() {
    let store = database().await;
    let nodes = [Node::alone(&store, feed_options()).await, Node::alone(&store, feed_options()).await];
    let mut readers = [&nodes[0], &nodes[1]].map(|node| Reader::all(&node.feed, from_now()));
    write_everywhere(&nodes).await;
    let written = Stopwatch::start();
    for reader in &mut readers {
        reader.read_all(0, 400).await;
    }
    assert!(written.elapsed() < Duration::from_secs(1), "{:?}", written.elapsed());
    for reader in &mut readers {
        assert!(reader.is_quiet().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_loses_repeats_and_reorders_changes_no_delivery() {
    let store = database().await;
    let bus: Arc<dyn EventBus> = Arc::new(Unreliable::new());
    let options = polling(Duration::from_millis(100));
    let nodes =
        [Node::start(&store, bus.clone(), options.clone()).await, Node::start(&store, bus.clone(), options).await];
    let mut readers = [&nodes[0], &nodes[1]].map(|node| Reader::all(&node.feed, from_now()));
    write_everywhere(&nodes).await;
    for reader in &mut readers {
        reader.read_all(0, 400).await;
        assert!(reader.is_quiet().await);
    }
}

#[tokio::test]
async fn a_lost_message_is_read_from_the_log_when_the_next_one_arrives() {
    let store = database().await;
    let node = Node::alone(&store, polling(NEVER)).await;
    let mut reader = Reader::all(&node.feed, from_now());
    node.write_silently(NOW).await;
    node.write().await;
    reader.read_all(0, 2).await;
}

#[tokio::test]
async fn an_unannounced_change_is_found_by_polling() {
    let store = database().await;
    let node = Node::alone(&store, polling(Duration::from_millis(50))).await;
    let mut reader = Reader::all(&node.feed, from_now());
    let (id, _) = node.write_silently(NOW).await;
    assert_eq!(reader.event().await.entity.id(), id.ulid());
}

#[tokio::test]
async fn events_of_the_own_node_arrive_without_waiting_for_a_poll() {
    let store = database().await;
    let log: Arc<dyn orderwire::storage::EventStore + Send + Sync> = Arc::clone(&store) as _;
    let feed = EventFeed::start(log, Arc::new(LocalBus::new()), polling(NEVER)).await.unwrap();
    let mut reader = Reader::all(&feed, from_now());
    let mut latencies = VecDeque::new();
    let stopwatch = Stopwatch::start();
    for _ in 0..50 {
        let task = Task::new(TaskId::generate(NOW), "Pack", UserId::from_bytes([9; 16]), NOW);
        store.insert_task(task, Stamp::system(NOW)).await.unwrap();
        let stored = stopwatch.elapsed();
        reader.event().await;
        latencies.push_back(stopwatch.elapsed().saturating_sub(stored));
    }
    assert!(median(latencies) < Duration::from_millis(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_starting_anywhere_during_writes_miss_and_repeat_nothing() {
    const LAST: Seq = 400;
    let store = database().await;
    // A small memory and small pages, so that start positions are in memory, in the log and on the edge between.
    let options = FeedOptions { recent: 16, page: 7, ..polling(NEVER) };
    let node = Node::alone(&store, options).await;
    let begin = |from: Seq| {
        let feed = Arc::clone(&node.feed);
        tokio::spawn(async move { Reader::all(&feed, StartAt::After(from)).read_all(from, LAST).await })
    };
    let writer = tokio::spawn({
        let node = node.clone();
        async move { node.write_many(LAST as u32).await }
    });
    let mut readers = Vec::new();
    while node.feed.head() < LAST {
        let head = node.feed.head();
        readers.extend([0, head / 2, (head - 16).max(0), (head - 1).max(0), head].map(begin));
        tokio::task::yield_now().await;
        if readers.len() > 1_000 {
            break;
        }
    }
    writer.await.unwrap();
    readers.extend((0..LAST).step_by(13).map(begin));
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_topic_filters_replayed_and_live_events_alike() {
    let store = database().await;
    let node =
        Node::start(&store, Arc::new(LocalBus::new()), FeedOptions { recent: 4, page: 3, ..polling(NEVER) }).await;
    let id = node.write().await;
    let topic = Topic::Entity(EntityKind::Task, id.ulid());
    let mut reader = Reader::new(&node.feed, topic, StartAt::After(0));
    node.write_many(20).await;
    let rename = |title: &str| TaskChanges { title: Some(title.to_owned()), ..TaskChanges::default() };
    let stamp = Stamp::system(NOW);
    for round in 0..2 {
        node.store.update_task(id, rename(&format!("{round}")), None, stamp).await.unwrap();
        node.announce(node.entries_of(id).await);
        node.write_many(10).await;
    }
    assert_eq!(reader.seqs_to(33).await, [1, 22, 33]);
    node.store.update_task(id, rename("live"), None, stamp).await.unwrap();
    node.announce(node.entries_of(id).await);
    assert_eq!(reader.seqs_to(44).await, [44]);
    node.write_many(3).await;
    assert!(reader.is_quiet().await);
}

mod redis {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nodes_on_one_redis_deliver_every_event_once_and_in_order() {
        let store = database().await;
        let nodes = [
            over_redis(&store, &shared_url(), polling(NEVER)).await,
            over_redis(&store, &shared_url(), polling(NEVER)).await,
        ];
        let mut readers = [&nodes[0], &nodes[1], &nodes[1]].map(|node| Reader::all(&node.feed, from_now()));
        write_everywhere(&nodes).await;
        for reader in &mut readers {
            reader.read_all(0, 400).await;
            assert!(reader.is_quiet().await);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn redis_restarts_under_load_lose_and_repeat_nothing() {
        let store = database().await;
        let mut server = RedisServer::start();
        let options = polling(Duration::from_millis(200));
        let nodes = [
            over_redis(&store, &server.url(), options.clone()).await,
            over_redis(&store, &server.url(), options).await,
        ];
        let mut readers = [&nodes[0], &nodes[1]].map(|node| Reader::all(&node.feed, from_now()));
        let writing = nodes.clone();
        let writers = tokio::spawn(async move {
            for _ in 0..3 {
                write_everywhere(&writing).await;
            }
        });
        for outage in 1..=3 {
            wait_until("some more was written", async || nodes[0].feed.head() > outage * 250).await;
            server.kill();
            let head = nodes[1].feed.head();
            wait_until("events come without Redis", async || nodes[1].feed.head() > (head + 50).min(1_199)).await;
            server.start_again();
        }
        writers.await.unwrap();
        for reader in &mut readers {
            reader.read_all(0, 1_200).await;
            assert!(reader.is_quiet().await);
        }
    }
}
