use futures_util::{FutureExt, poll};
use orderwire::{service::feed::FeedOptions, storage::OwnChanges};

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

#[tokio::test]
async fn an_idle_subscriber_knows_a_position_that_outlives_what_concerned_others() {
    let store = database().await;
    let node = Node::alone(&store, polling(NEVER)).await;
    let mine = node.write().await;
    wait_until("the node has seen the task", async || node.feed.head() == 1).await;
    let topic = Topic::Entity(EntityKind::Task, mine.ulid());
    let [mut idle, mut unsent] = [topic, Topic::All].map(|topic| node.feed.subscribe([topic], StartAt::After(1)));
    for subscription in [&mut idle, &mut unsent] {
        assert!(poll!(subscription.next()).is_pending());
        assert_eq!(subscription.position(), Some(1));
    }
    node.write_many(40).await;
    wait_until("the node has seen all", async || node.feed.head() == 41).await;
    // Nobody polls it.
    assert_eq!(idle.position(), Some(41));
    // An entry that it was not sent holds the position.
    assert_eq!(unsent.position(), Some(1));
    assert_eq!(unsent.next().await.unwrap().unwrap().seq, 2);
    assert_eq!(unsent.position(), Some(2));

    // What the position has passed may go.
    let later = NOW.plus(Duration::from_secs(1));
    node.store.prune(later, later, later).await.unwrap();
    let restarted = Node::alone(&store, polling(NEVER)).await;
    assert_eq!(Reader::new(&restarted.feed, topic, StartAt::After(1)).failure().await, FeedError::CursorExpired);
    assert!(Reader::new(&restarted.feed, topic, StartAt::After(41)).is_quiet().await);
}

#[tokio::test]
async fn subscribers_are_not_sent_ended_rights_and_their_positions_pass_over_them() {
    let store = database().await;
    let node = Node::alone(&store, polling(NEVER)).await;
    let (mine, maker) = (node.write().await, UserId::from_bytes(MAKER));
    let topics = [
        Topic::All,
        Topic::Kind(EntityKind::Task),
        Topic::Entity(EntityKind::Task, mine.ulid()),
        Topic::User(EntityKind::Task, maker),
        Topic::User(EntityKind::Order, maker),
    ];
    wait_until("the node has seen the task", async || node.feed.head() == 1).await;
    let mut idle = topics.map(|topic| node.feed.subscribe([topic], StartAt::After(1)));
    assert!(idle.iter_mut().all(|subscription| subscription.next().now_or_never().is_none()));
    let changes = (0..30).map(|number| RightsChange {
        user: maker,
        ended: match number % 3 {
            0 => EndedRights::Everything,
            1 => EndedRights::Sessions(vec![SessionId::generate(NOW)]),
            _ => EndedRights::RolesOtherThan(UserRole::Staff),
        },
    });
    node.announce((2..).zip(changes).map(|(seq, change)| change.draft(NOW).numbered(seq)).collect());
    wait_until("the node has seen all", async || node.feed.head() == 31).await;
    for (topic, subscription) in topics.iter().zip(&mut idle) {
        assert_eq!(subscription.position(), Some(31), "{topic:?}");
        assert!(subscription.next().now_or_never().is_none(), "{topic:?}");
    }
    let mut nodes = node.feed.subscribe([Topic::Kind(EntityKind::Rights)], StartAt::After(1));
    for seq in 2..=31 {
        assert_eq!(nodes.next().await.unwrap().unwrap().seq, seq);
    }
}

#[tokio::test]
async fn a_position_is_not_known_before_it_was_compared_with_the_log() {
    let store = database().await;
    let node = Node::alone(&store, FeedOptions { recent: 1, ..polling(NEVER) }).await;
    node.write_many(5).await;
    wait_until("the node has seen all", async || node.feed.head() == 5).await;
    let mut past_the_end = node.feed.subscribe([Topic::All], StartAt::After(9));
    assert_eq!(past_the_end.position(), None);
    let mut behind = node.feed.subscribe([Topic::All], StartAt::After(0));
    assert_eq!(behind.position(), None);
    for seq in 1..=5 {
        assert_eq!(behind.next().await.unwrap().unwrap().seq, seq);
        assert_eq!(behind.position(), Some(seq));
    }
}

#[tokio::test]
async fn what_was_committed_before_is_passed_over_only_until_something_is_delivered_or_a_position_is_told() {
    // From memory, and from the log.
    for recent in [16, 1] {
        let store = database().await;
        let node = Node::alone(&store, FeedOptions { recent, ..polling(NEVER) }).await;
        let (_, of_others) = node.write_silently(NOW).await;
        let (_, own) = node.write_silently(NOW).await;
        let now = || StartAt::Now(OwnChanges { logged: 0, unnumbered: own.iter().map(|event| event.id).collect() });
        let mut delivered = Reader::all(&node.feed, now());
        node.announce(of_others);
        wait_until("the node has seen the first", async || node.feed.head() == 1).await;
        let mut passing = Reader::all(&node.feed, now());
        let mut told = node.feed.subscribe([Topic::All], now());
        assert_eq!(told.position(), Some(1));
        node.announce(own.clone());
        node.write().await;
        wait_until("the node has seen all", async || node.feed.head() == 3).await;
        delivered.read_all(0, 3).await;
        assert_eq!(passing.event().await.seq, 3);
        for seq in [2, 3] {
            assert_eq!(told.next().await.unwrap().unwrap().seq, seq);
        }
    }
}
