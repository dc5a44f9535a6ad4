//! Consumers of the log as processes run them: in order, each entry at least once, moved between processes.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use orderwire::{
    domain::{
        Clock, Consumer, ConsumerChanges, EntityKind, EventFilter, EventId, EventType, LogFilter, LogId, Progress,
        Stamp, SystemClock, Timestamp, UserRole, Viewer,
    },
    service::consumers::{Batch, ConsumerOptions, Consumers, Failure, OpenSink, Sink},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::support::{api::TestApi, wait_until};

on_each_engine! {
    a_consumer_takes_each_entry_in_order_and_goes_on_after_a_restart
    a_failing_consumer_gets_the_same_entry_again_and_holds_up_no_other
    a_consumer_moves_between_processes_and_loses_nothing
    a_process_that_hangs_can_not_move_the_position
    a_paused_consumer_waits_and_a_restarted_one_begins_again
    a_consumer_whose_entries_are_pruned_stops
}

const SOON: Duration = Duration::from_secs(30);

/// Records what it takes; fails while it is told to.
#[derive(Default)]
struct Record {
    filter: EventFilter,
    taken: Mutex<Vec<EventId>>,
    attempts: Mutex<Vec<EventId>>,
    fails: AtomicBool,
    hangs: AtomicBool,
}

#[async_trait]
impl Sink for Record {
    fn filter(&self) -> &EventFilter {
        &self.filter
    }

    async fn deliver(&self, batch: &mut Batch) -> Result<(), Failure> {
        while let Some(event) = batch.next() {
            self.attempts.lock().push(event.id);
            if self.fails.load(Ordering::Relaxed) {
                return Err(Failure::after(batch.failures(), "out of order"));
            }
            self.taken.lock().push(event.id);
            while self.hangs.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            batch.take();
        }
        Ok(())
    }
}

impl Record {
    /// Takes these types; all but those of users if there are none.
    fn of(types: &[EventType]) -> Arc<Self> {
        let all = EventType::ALL.into_iter().filter(|kind| kind.entity_kind() != EntityKind::User);
        let types = if types.is_empty() { all.collect() } else { types.to_vec() };
        let filter = EventFilter { types: Some(types), entity: None };
        Arc::new(Self { filter, ..Self::default() })
    }

    fn count(&self) -> usize {
        self.taken.lock().len()
    }

    /// What it took, each entry when it was taken first.
    fn first_times(&self) -> Vec<EventId> {
        let mut seen = HashSet::new();
        self.taken.lock().iter().copied().filter(|id| seen.insert(*id)).collect()
    }
}

fn options() -> ConsumerOptions {
    ConsumerOptions {
        lease: Duration::from_millis(1500),
        lease_every: Duration::from_millis(50),
        longest_delivery: Duration::from_millis(100),
        most: 100,
        without: Vec::new(),
    }
}

fn sinks(sinks: &[(&'static str, &Arc<Record>)]) -> OpenSink {
    let sinks: Vec<(&str, Arc<Record>)> = sinks.iter().map(|(name, sink)| (*name, (*sink).clone())).collect();
    Arc::new(move |consumer| {
        let found = sinks.iter().find(|(name, _)| *name == consumer.name);
        found.map(|(_, sink)| sink.clone() as Arc<dyn Sink>).ok_or_else(|| "unknown".to_owned())
    })
}

fn run(api: &TestApi, open: OpenSink) -> Consumers {
    Consumers::start(&api.service, open, options())
}

fn now() -> Stamp {
    Stamp::system(SystemClock.now())
}

async fn add(api: &TestApi, name: &str) {
    let log = api.store.log_state().await.unwrap().log;
    let at = SystemClock.now();
    let consumer = Consumer {
        name: name.to_owned(),
        definition: String::new(),
        paused: false,
        version: 1,
        created_at: at,
        updated_at: at,
        progress: Progress::after(LogId::new(log.0), 0),
    };
    api.store.insert_consumer(&consumer, now()).await.unwrap();
}

async fn stored(api: &TestApi, name: &str) -> Consumer {
    api.store.consumers(&[name.to_owned()]).await.unwrap().pop().unwrap().unwrap()
}

/// Makes products and tasks, two entries for each number.
async fn write(api: &TestApi, staff: Viewer, numbers: std::ops::Range<usize>) {
    for number in numbers {
        api.product(staff, json!({ "sku": format!("p{number}"), "name": "P", "price": "1" })).await;
        let task = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
        api.data(staff, task, json!({})).await;
    }
}

/// The ids of the entries of the log that pass the filter, in order.
async fn logged(api: &TestApi, filter: &EventFilter) -> Vec<EventId> {
    api.store.catch_up_log().await.unwrap();
    let (mut after, mut ids) = (0, Vec::new());
    loop {
        let page = api.store.read_log(after, LogFilter::ALL, 500).await.unwrap();
        ids.extend(page.events.iter().filter(|event| filter.matches(event)).map(|event| event.id));
        after = page.through;
        if !page.has_more {
            return ids;
        }
    }
}

async fn until_taken(api: &TestApi, record: &Record) {
    let expected = logged(api, &record.filter).await;
    wait_until("everything is taken", SOON, async || record.first_times() == expected).await;
}

async fn a_consumer_takes_each_entry_in_order_and_goes_on_after_a_restart(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let (all, tasks) = (Record::of(&[]), Record::of(&[EventType::TaskCreated]));
    write(&api, staff, 0..20).await;
    for name in ["test_all", "test_tasks"] {
        add(&api, name).await;
    }
    let open = sinks(&[("test_all", &all), ("test_tasks", &tasks)]);
    let running = run(&api, open.clone());
    write(&api, staff, 20..40).await;
    until_taken(&api, &all).await;
    until_taken(&api, &tasks).await;
    assert_eq!((all.count(), tasks.count()), (80, 40), "each once, while nothing fails");
    running.stop().await;
    write(&api, staff, 40..50).await;
    let running = run(&api, open);
    until_taken(&api, &all).await;
    until_taken(&api, &tasks).await;
    assert_eq!((all.count(), tasks.count()), (100, 50), "each once, also after a restart");
    running.stop().await;
    let progress = stored(&api, "test_all").await.progress;
    assert_eq!(progress.taken, all.taken.lock().last().copied());
    assert_eq!((progress.failures, progress.last_error, progress.stopped), (0, None, false));
}

async fn a_failing_consumer_gets_the_same_entry_again_and_holds_up_no_other(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let (good, bad) = (Record::of(&[]), Record::of(&[]));
    bad.fails.store(true, Ordering::Relaxed);
    for name in ["test_bad", "test_good"] {
        add(&api, name).await;
    }
    write(&api, staff, 0..10).await;
    let running = run(&api, sinks(&[("test_bad", &bad), ("test_good", &good)]));
    until_taken(&api, &good).await;
    wait_until("the failures are stored", SOON, async || stored(&api, "test_bad").await.progress.failures >= 2).await;
    let progress = stored(&api, "test_bad").await.progress;
    assert_eq!((progress.last_error.as_deref(), progress.taken), (Some("out of order"), None));
    let first = logged(&api, &bad.filter).await[0];
    assert!(bad.attempts.lock().iter().all(|id| *id == first), "the next entry is not tried before the first is taken");
    bad.fails.store(false, Ordering::Relaxed);
    until_taken(&api, &bad).await;
    wait_until("the failures are forgotten", SOON, async || stored(&api, "test_bad").await.progress.failures == 0)
        .await;
    running.stop().await;
}

async fn a_consumer_moves_between_processes_and_loses_nothing(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let record = Record::of(&[]);
    add(&api, "test_a").await;
    let open = sinks(&[("test_a", &record)]);
    let mut running = run(&api, open.clone());
    for round in 0..6 {
        let writes = write(&api, staff, 10 * round..10 * round + 10);
        let moves = async {
            let next = run(&api, open.clone());
            if round % 2 == 0 {
                std::mem::replace(&mut running, next).stop().await;
            } else {
                // Like a crash: its leases are not released.
                drop(std::mem::replace(&mut running, next));
            }
        };
        tokio::join!(writes, moves);
    }
    until_taken(&api, &record).await;
    running.stop().await;
    assert_eq!(record.first_times(), logged(&api, &record.filter).await);
}

async fn a_process_that_hangs_can_not_move_the_position(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let (hanging, record) = (Record::of(&[]), Record::of(&[]));
    hanging.hangs.store(true, Ordering::Relaxed);
    add(&api, "test_a").await;
    write(&api, staff, 0..3).await;
    let first = run(&api, sinks(&[("test_a", &hanging)]));
    wait_until("the first process is in the middle of a delivery", SOON, async || hanging.count() == 1).await;
    // As if the first process did not notice that its lease has gone.
    let changes = ConsumerChanges { paused: Some(false), ..ConsumerChanges::default() };
    let leased = api.store.change_consumer("test_a", changes, None, now()).await;
    assert!(leased.is_ok());
    let second = run(&api, sinks(&[("test_a", &record)]));
    let expected = logged(&api, &record.filter).await;
    hanging.hangs.store(false, Ordering::Relaxed);
    wait_until("one of them takes everything", SOON, async || {
        let progress = stored(&api, "test_a").await.progress;
        progress.taken == expected.last().copied()
    })
    .await;
    let mut together = hanging.first_times();
    together.extend(record.first_times());
    for id in expected {
        assert!(together.contains(&id), "nothing is lost");
    }
    first.stop().await;
    second.stop().await;
}

async fn a_paused_consumer_waits_and_a_restarted_one_begins_again(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let (record, other) = (Record::of(&[]), Record::of(&[]));
    add(&api, "test_a").await;
    write(&api, staff, 0..5).await;
    let running = run(&api, sinks(&[("test_a", &record), ("test_b", &other)]));
    until_taken(&api, &record).await;
    let change = async |changes: ConsumerChanges| {
        api.store.change_consumer("test_a", changes, None, now()).await.unwrap();
    };
    change(ConsumerChanges { paused: Some(true), ..ConsumerChanges::default() }).await;
    // The process that begins with another consumer has heard of the pause.
    add(&api, "test_b").await;
    wait_until("the other consumer has everything", SOON, async || other.count() == 10).await;
    write(&api, staff, 5..8).await;
    wait_until("the other consumer has everything", SOON, async || other.count() == 16).await;
    assert_eq!(record.count(), 10, "nothing is taken while it is paused");
    let log = api.store.log_state().await.unwrap().log;
    let restart = Progress::after(LogId::new(log.0), 0);
    change(ConsumerChanges { paused: Some(false), restart: Some(restart), ..ConsumerChanges::default() }).await;
    wait_until("it begins again", SOON, async || record.count() == 26).await;
    let expected = logged(&api, &record.filter).await;
    assert_eq!(record.taken.lock()[10..], expected);
    running.stop().await;
}

async fn a_consumer_whose_entries_are_pruned_stops(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let record = Record::of(&[]);
    add(&api, "test_a").await;
    write(&api, staff, 0..3).await;
    let future = Timestamp::from_unix_millis(i64::from(i32::MAX) * 1000);
    api.store.catch_up_log().await.unwrap();
    api.store.prune(Timestamp::from_unix_millis(0), future, future).await.unwrap();
    write(&api, staff, 3..4).await;
    // The first node still has the entries in memory.
    let api = TestApi::over(api.store.clone()).await;
    let running = run(&api, sinks(&[("test_a", &record)]));
    wait_until("it stops", SOON, async || stored(&api, "test_a").await.progress.stopped).await;
    let progress = stored(&api, "test_a").await.progress;
    assert!(progress.last_error.unwrap().contains("no longer holds"));
    assert_eq!(record.count(), 0);
    running.stop().await;
}
