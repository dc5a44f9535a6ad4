//! The numbering of what was committed, against a model: a list of changes that appear once each, in the order of each
//! entity's versions, and never anew.

use std::{collections::HashMap, time::Duration};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::options::ReadConcern;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{super::sequencer::Wanted, MongoOptions, MongoStore, default_options, on_nodes, url_of};
use crate::{
    domain::*,
    storage::{EventStore, Store, TaskStore},
};

fn stamp() -> Stamp {
    Stamp::system(SystemClock.now())
}

/// Makes a task and changes it, on any node. Returns the id and the last version.
async fn live(stores: Vec<MongoStore>, seed: u64) -> (TaskId, i32) {
    let mut random = StdRng::seed_from_u64(seed);
    let now = SystemClock.now();
    let task = Task::new(TaskId::generate(now), "1", UserId::from_bytes([9; 16]), now);
    let id = task.id;
    stores[random.random_range(0..stores.len())].insert_task(task, stamp()).await.unwrap();
    let last = random.random_range(1..8);
    for version in 1..last {
        let store = &stores[random.random_range(0..stores.len())];
        let changes = TaskChanges { title: Some((version + 1).to_string()), ..TaskChanges::default() };
        // A caller that goes away; its change is made or not, so it is repeated with the version it expects.
        if random.random_bool(0.2) {
            let given_up = store.update_task(id, changes.clone(), Some(version), stamp());
            let _ = timeout(Duration::from_micros(random.random_range(0..3000)), given_up).await;
        }
        match store.update_task(id, changes, Some(version), stamp()).await {
            Ok(_) => {}
            Err(error) => assert!(error.to_string().contains("version"), "{error}"),
        }
    }
    (id, last)
}

/// Numbers what waits, again and again, and is cut off in the middle of it.
async fn number_and_crash(store: MongoStore, seed: u64, rounds: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..rounds {
        let _ =
            timeout(Duration::from_micros(random.random_range(0..8000)), store.0.number_chunk(Wanted::default())).await;
    }
}

/// Follows the log by its pages, checks that they are contiguous, and returns everything up to `end`.
async fn follow(store: MongoStore, end: Seq) -> Vec<Event> {
    let (mut seen, mut after) = (Vec::new(), 0);
    while after < end {
        let page = store.read_log(after, LogFilter::ALL, 5).await.unwrap();
        seen.extend(page.events);
        after = page.through;
        tokio::task::yield_now().await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_interleaving_of_commits_crashes_and_sequencers_gives_one_log() {
    on_nodes(3, async |stores| {
        let mut writers = JoinSet::new();
        let mut crashing = JoinSet::new();
        for seed in 0..12 {
            writers.spawn(live(stores.to_vec(), seed));
        }
        for (seed, store) in stores.iter().enumerate() {
            crashing.spawn(number_and_crash(store.clone(), seed as u64, 30));
        }
        let early = tokio::spawn(follow(stores[0].clone(), 20));
        let mut expected: HashMap<_, i32> = HashMap::new();
        while let Some(written) = writers.join_next().await {
            let (id, last) = written.unwrap();
            expected.insert(id.ulid(), last);
        }
        while let Some(crashed) = crashing.join_next().await {
            crashed.unwrap();
        }
        tokio::try_join!(stores[0].0.catch_up(), stores[1].0.catch_up(), stores[2].0.catch_up()).unwrap();

        let end: Seq = expected.values().map(|last| Seq::from(*last)).sum();
        let log = follow(stores[1].clone(), end).await;
        assert!(log.iter().map(|event| event.seq).eq(1..=end), "dense numbers, each change once");
        let mut versions: HashMap<_, i32> = HashMap::new();
        for event in &log {
            let version = versions.entry(event.entity.id()).or_default();
            *version += 1;
            assert_eq!(event.entity.version(), *version, "in the order of the versions");
        }
        assert_eq!(versions, expected);
        let early = early.await.unwrap();
        assert_eq!(early, log[..early.len()], "what was read once never changes");
        for filter in [LogFilter { entity: Some(log[0].entity.id()), ..LogFilter::ALL }] {
            let page = stores[2].read_log(0, filter, 100).await.unwrap();
            assert!(page.events.iter().eq(log.iter().filter(|event| filter.matches(event))));
            assert_eq!(page.through, end);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_give_up_leave_no_transaction_open() {
    on_nodes(1, async |stores| {
        let database = stores[0].0.database.name();
        let app_name = format!("giving up {:016x}", rand::random::<u64>());
        let options = MongoOptions { app_name: app_name.clone(), ..default_options() };
        let store = MongoStore::connect(&url_of(database), options).await.unwrap();
        for _ in 0..100 {
            let task = Task::new(TaskId::generate(stamp().at), "1", UserId::from_bytes([9; 16]), stamp().at);
            store.insert_task(task, stamp()).await.unwrap();
            let _ = timeout(Duration::from_micros(rand::random_range(0..8000)), store.catch_up_log()).await;
        }
        let open = doc! { "appName": &app_name, "type": "idleSession", "transaction": { "$exists": true } };
        let pipeline = [doc! { "$currentOp": { "allUsers": false, "idleSessions": true } }, doc! { "$match": open }];
        let ended = async {
            let admin = store.0.client.database("admin");
            while {
                let open = admin.aggregate(pipeline.clone()).read_concern(ReadConcern::local()).await.unwrap();
                !open.try_collect::<Vec<Document>>().await.unwrap().is_empty()
            } {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(15), ended).await.expect("every transaction should end");
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_has_left_is_numbered_by_another() {
    on_nodes(2, async |stores| {
        let [killed, living] = stores else { panic!("two nodes") };
        // A node that is shutting down starts no sequencer, as one that is killed after the commit.
        let task = Task::new(TaskId::generate(stamp().at), "left", UserId::from_bytes([9; 16]), stamp().at);
        let mut session = killed.0.client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let mut transaction =
            super::super::transaction::Transaction { store: killed.0.clone(), session, entries: Vec::new() };
        let draft = Changed::created(task.clone()).draft(stamp());
        assert!(transaction.append_events(std::slice::from_ref(&draft)).await.is_ok());
        transaction.session.commit_transaction().await.unwrap();
        assert_eq!(living.log_state().await.unwrap().head, 0);
        living.catch_up_log().await.unwrap();
        let log = living.read_log(0, LogFilter::ALL, 10).await.unwrap();
        assert_eq!((log.events, log.through), (vec![draft.numbered(1)], 1));
    })
    .await;
}

/// Two transactions that number would undo one another's work, and the process would take itself for another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_does_not_collide_with_itself_when_it_numbers() {
    on_nodes(1, async |stores| {
        let store = &stores[0];
        let mut writers: JoinSet<(TaskId, i32)> = (0..16).map(|seed| live(stores.to_vec(), seed)).collect();
        let mut catching_up: JoinSet<()> = JoinSet::new();
        for _ in 0..4 {
            let store = store.clone();
            catching_up.spawn(async move {
                for _ in 0..20 {
                    store.0.catch_up().await.unwrap();
                    assert!(!store.0.unnumbered.other_is_numbering());
                }
            });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap();
            assert!(!store.0.unnumbered.other_is_numbering());
        }
        while let Some(caught_up) = catching_up.join_next().await {
            caught_up.unwrap();
        }
    })
    .await;
}
