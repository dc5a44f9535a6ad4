use std::sync::atomic::Ordering;

use orderwire::{
    cluster::{EventBus, local::LocalBus},
    fairness::{Caller, run_for},
    service::feed::FeedOptions,
};

use super::{nodes::*, *};

#[tokio::test]
async fn subscribers_wait_out_a_database_outage() {
    let store = database().await;
    let writer = Node::alone(&store, polling(NEVER)).await;
    writer.write_many(50).await;
    let flaky = Flaky::new(&store);
    let options = FeedOptions { recent: 4, page: 4, ..polling(Duration::from_millis(20)) };
    let feed = EventFeed::start(flaky.clone(), Arc::new(LocalBus::new()), options).await.unwrap();
    let [mut replaying, mut live] = [StartAt::After(0), from_now()].map(|from| Reader::all(&feed, from));
    replaying.read_all(0, 6).await;

    flaky.break_down().await;
    writer.write_many(10).await;
    replaying.read_all(6, 8).await;
    assert!(replaying.is_quiet().await && live.is_quiet().await);

    flaky.fail(false);
    replaying.read_all(8, 60).await;
    live.read_all(50, 60).await;
}

#[tokio::test]
async fn a_long_database_outage_ends_a_replay_with_its_position() {
    let store = database().await;
    Node::alone(&store, polling(NEVER)).await.write_many(50).await;
    let flaky = Flaky::new(&store);
    let options = FeedOptions { recent: 4, page: 4, patience: Duration::from_millis(100), ..polling(NEVER) };
    let feed = EventFeed::start(flaky.clone(), Arc::new(LocalBus::new()), options).await.unwrap();
    let mut reader = Reader::all(&feed, StartAt::After(0));
    reader.read_all(0, 4).await;
    flaky.fail(true);
    assert_eq!(reader.failure().await, FeedError::Unavailable { last: 4 });
}

#[tokio::test]
async fn live_events_arrive_over_the_bus_during_a_database_outage() {
    let store = database().await;
    let writer = Node::alone(&store, polling(NEVER)).await;
    let flaky = Flaky::new(&store);
    let bus = Arc::new(LocalBus::new());
    let feed = EventFeed::start(flaky.clone(), bus.clone(), polling(Duration::from_millis(20))).await.unwrap();
    let mut reader = Reader::all(&feed, from_now());
    flaky.break_down().await;
    let mut events = Vec::new();
    for _ in 0..10 {
        events.extend(writer.write_silently(NOW).await.1.into_iter().map(Arc::new));
    }
    bus.publish(&events[..5]);
    bus.publish(&events[6..]);
    reader.read_all(0, 5).await;
    assert!(reader.is_quiet().await);
    bus.publish(&events[5..6]);
    reader.read_all(5, 10).await;
}

#[tokio::test]
async fn announcing_an_event_missing_from_the_log_costs_few_reads() {
    let store = database().await;
    let writer = Node::alone(&store, polling(NEVER)).await;
    let flaky = Flaky::new(&store);
    let bus = Arc::new(LocalBus::new());
    let feed = EventFeed::start(flaky.clone(), bus.clone(), polling(Duration::from_millis(100))).await.unwrap();
    let mut reader = Reader::all(&feed, from_now());
    bus.publish(&[crate::cluster::event(1_000)]);
    let before = flaky.reads.load(Ordering::SeqCst);
    for seq in 1..=20 {
        let (_, events) = writer.write_silently(NOW).await;
        bus.publish(&events.into_iter().map(Arc::new).collect::<Vec<_>>());
        reader.read_all(seq - 1, seq).await;
    }
    assert!(reader.is_quiet().await);
    // The feed may read the log once for each new head.
    assert!(flaky.reads.load(Ordering::SeqCst) - before <= 30);
}

#[tokio::test]
async fn shutdown_ends_every_subscription_with_its_position() {
    let store = database().await;
    let node = Node::alone(&store, polling(NEVER)).await;
    let mut readers = [from_now(), StartAt::After(0)].map(|from| Reader::all(&node.feed, from));
    node.write_many(3).await;
    for reader in &mut readers {
        reader.read_all(0, 3).await;
    }
    node.feed.shutdown().await;
    for reader in &mut readers {
        assert_eq!(reader.failure().await, FeedError::ShuttingDown { last: 3 });
    }
}

#[tokio::test]
async fn a_dropped_feed_ends_its_subscriptions() {
    let store = database().await;
    let Node { feed, .. } = Node::alone(&store, polling(NEVER)).await;
    let mut reader = Reader::all(&feed, from_now());
    drop(feed);
    assert_eq!(reader.failure().await, FeedError::ShuttingDown { last: 0 });
}

#[tokio::test]
async fn events_are_read_from_the_log_after_the_bus_closed() {
    let store = database().await;
    let bus = Arc::new(LocalBus::new());
    let node = Node::start(&store, bus.clone(), polling(Duration::from_millis(50))).await;
    let mut reader = Reader::all(&node.feed, from_now());
    bus.close().await;
    node.write_many(3).await;
    reader.read_all(0, 3).await;
}

#[tokio::test]
async fn what_cannot_be_numbered_does_not_hold_up_what_is_numbered() {
    let store = database().await;
    let writer = Node::alone(&store, polling(NEVER)).await;
    let flaky = Flaky::new(&store);
    let feed = EventFeed::start(flaky.clone(), Arc::new(LocalBus::new()), polling(Duration::from_millis(20))).await;
    let feed = feed.unwrap();
    let mut reader = Reader::all(&feed, from_now());
    flaky.unnumbering.store(true, Ordering::SeqCst);
    writer.write_many(3).await;
    reader.read_all(0, 3).await;
    flaky.unnumbering.store(false, Ordering::SeqCst);
    writer.write_many(3).await;
    reader.read_all(3, 6).await;
}

#[tokio::test]
async fn a_server_that_was_replaced_ends_no_subscription() {
    let store = database().await;
    let writer = Node::alone(&store, polling(NEVER)).await;
    let flaky = Flaky::new(&store);
    let options = polling(Duration::from_millis(20));
    let feed = EventFeed::start(flaky.clone(), Arc::new(LocalBus::new()), options).await.unwrap();
    let mut reader = Reader::all(&feed, StartAt::Now(Default::default()));
    writer.write_many(3).await;
    reader.read_all(0, 3).await;
    flaky.stale.store(true, Ordering::SeqCst);
    let before = flaky.reads.load(Ordering::SeqCst);
    wait_until("the feed has polled", async || flaky.reads.load(Ordering::SeqCst) > before + 3).await;
    writer.write_many(3).await;
    reader.read_all(3, 6).await;
    assert!(!feed.has_lost_entries());
}

#[tokio::test]
async fn a_resume_waits_for_few_of_a_flood_of_resumes() {
    const ENTRIES: u32 = 50;
    let store = database().await;
    Node::alone(&store, polling(NEVER)).await.write_many(ENTRIES).await;
    let counted = Flaky::new(&store);
    let options = FeedOptions { recent: 1, page: 1, concurrent_reads: 1, ..polling(NEVER) };
    let feed = EventFeed::start(counted.clone(), Arc::new(LocalBus::new()), options).await.unwrap();
    let [flooding, other] = [1, 2].map(|number| Caller::User(UserId::from_bytes([number; 16])));
    let subscribe = async || Reader::all(&feed, StartAt::After(0));
    let before_flood = counted.reads.load(Ordering::SeqCst);
    let mut flood = Vec::new();
    for _ in 0..300 {
        let mut reader = run_for(flooding, subscribe()).await;
        flood.push(tokio::spawn(async move { reader.read_all(0, Seq::from(ENTRIES)).await }));
    }
    wait_until("the flood reads", async || counted.reads.load(Ordering::SeqCst) > before_flood).await;
    let before = counted.reads.load(Ordering::SeqCst);
    run_for(other, subscribe()).await.read_all(0, 1).await;
    let meanwhile = counted.reads.load(Ordering::SeqCst) - before;
    assert!(meanwhile <= 10, "{meanwhile} reads of the log before the one of the other caller was answered");
    flood.iter().for_each(|reading| reading.abort());
}
