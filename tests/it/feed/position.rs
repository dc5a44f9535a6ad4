use orderwire::service::feed::FeedOptions;

use super::{nodes::*, *};

#[tokio::test]
async fn a_slow_subscriber_delays_no_other_and_continues_from_the_log() {
    let store = database().await;
    let node = Node::alone(&store, FeedOptions { recent: 8, page: 16, ..polling(NEVER) }).await;
    let [mut slow, mut quick] = [from_now(), from_now()].map(|from| Reader::all(&node.feed, from));
    node.write().await;
    slow.read_all(0, 1).await;
    for seq in 1..=200 {
        quick.read_all(seq - 1, seq).await;
        node.write().await;
    }
    slow.read_all(1, 201).await;
    node.write().await;
    slow.read_all(201, 202).await;
    quick.read_all(200, 202).await;
}

#[tokio::test]
async fn a_subscriber_that_lags_too_far_is_ended_and_can_resume() {
    let store = database().await;
    let options = FeedOptions { recent: 8, max_behind: 50, ..polling(NEVER) };
    let node = Node::alone(&store, options).await;
    let mut slow = Reader::all(&node.feed, from_now());
    node.write_many(3).await;
    slow.read_all(0, 2).await;
    node.write_many(60).await;
    wait_until("the node has seen all", async || node.feed.head() == 63).await;
    assert_eq!(slow.failure().await, FeedError::TooSlow { last: 2 });
    // A subscriber that resumes that far behind is accepted.
    Reader::all(&node.feed, StartAt::After(2)).read_all(2, 63).await;
}

#[tokio::test]
async fn a_position_before_the_oldest_log_entry_has_expired() {
    let store = database().await;
    // One event in memory: the feed would serve events from memory that the log has pruned.
    let node = Node::alone(&store, FeedOptions { recent: 1, ..polling(NEVER) }).await;
    for hour in 0..10 {
        let (_, events) = node.write_silently(NOW.plus(Duration::from_secs(hour * 3600))).await;
        node.announce(events);
    }
    wait_until("the node has seen all", async || node.feed.head() == 10).await;
    let before = NOW.plus(Duration::from_secs(4 * 3600));
    node.store.prune(NOW, before, before).await.unwrap();
    let restarted = Node::alone(&store, polling(NEVER)).await;
    for node in [&node, &restarted] {
        for expired in [0, 1, 3] {
            let mut reader = Reader::all(&node.feed, StartAt::After(expired));
            assert_eq!(reader.failure().await, FeedError::CursorExpired, "{expired}");
        }
        for good in [4, 9] {
            Reader::all(&node.feed, StartAt::After(good)).read_all(good, 10).await;
        }
        assert!(Reader::all(&node.feed, StartAt::After(10)).is_quiet().await);
    }
}

#[tokio::test]
async fn a_position_past_the_end_of_the_log_is_refused() {
    let store = database().await;
    let node = Node::alone(&store, polling(NEVER)).await;
    for position in [1, 5_000, Seq::MAX] {
        let mut reader = Reader::all(&node.feed, StartAt::After(position));
        assert_eq!(reader.failure().await, FeedError::InvalidCursor, "{position}");
    }
}

#[tokio::test]
async fn a_position_ahead_of_this_node_but_in_the_log_is_accepted() {
    let store = database().await;
    let [quick, behind] = [Node::alone(&store, polling(NEVER)).await, Node::alone(&store, polling(NEVER)).await];
    quick.write_many(5).await;
    wait_until("one node has seen all", async || quick.feed.head() == 5).await;
    let mut readers = [3, 5].map(|seq| Reader::all(&behind.feed, StartAt::After(seq)));
    readers[0].read_all(3, 5).await;
    assert!(readers[1].is_quiet().await);
    behind.write().await;
    readers[0].read_all(5, 6).await;
    readers[1].read_all(5, 6).await;
}

#[tokio::test]
async fn recent_positions_cost_no_reads_after_a_restart() {
    let store = database().await;
    Node::alone(&store, polling(NEVER)).await.write_many(100).await;
    let flaky = Flaky::new(&store);
    let bus = Arc::new(orderwire::cluster::local::LocalBus::new());
    let feed = EventFeed::start(flaky.clone(), bus, polling(NEVER)).await.unwrap();
    assert_eq!((feed.head(), feed.log_id()), (100, store.log_state().await.unwrap().log));
    flaky.fail(true);
    for from in 0..100 {
        Reader::all(&feed, StartAt::After(from)).read_all(from, 100).await;
    }
}
