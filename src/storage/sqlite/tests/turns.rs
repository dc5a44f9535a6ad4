//! Callers take turns, and reads stop when nobody waits for them any more.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use futures_util::{future::join_all, poll};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::*;
use crate::fairness::{Caller, run_for, run_until};

/// More steps than any machine takes during a test.
const ENDLESS: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 AS n UNION ALL SELECT n + 1 AS n FROM numbers) \
                       SELECT count(*) AS count FROM numbers";

fn caller(name: &str) -> Caller {
    Caller::User(user(name).id)
}

/// A store with one thread for reads.
async fn with_one_reader() -> SqliteStore {
    let options = SqliteOptions { readers: 1, ..default_options() };
    SqliteStore::open(SqliteLocation::Temporary, options).await.unwrap()
}

fn run_endlessly(db: &Connection) -> Result<i64> {
    Ok(db.query_row(ENDLESS, [], |row| row.get("count"))?)
}

/// Queues 100 pieces of work of one caller and then one of another, lets them run, and returns the place of the other's.
async fn place_behind_a_flood<W: Future<Output = Result<()>>>(
    work: impl Fn(Box<dyn FnOnce() + Send>) -> W,
    hold: impl Future<Output = Result<()>>,
    resume: mpsc::Sender<()>,
) -> usize {
    let mut hold = Box::pin(hold);
    assert!(poll!(&mut hold).is_pending());
    let done = Arc::new(Mutex::new(Vec::new()));
    let notes = |name: &'static str| {
        let done = Arc::clone(&done);
        work(Box::new(move || done.lock().push(name)))
    };
    let mut flood = Box::pin(run_for(caller("flooding"), join_all((0..100).map(|_| notes("flooding")))));
    assert!(poll!(&mut flood).is_pending());
    let mut other = Box::pin(run_for(caller("other"), notes("other")));
    assert!(poll!(&mut other).is_pending());
    resume.send(()).unwrap();
    let (held, flood, other) = tokio::join!(hold, flood, other);
    held.and(other).and(flood.into_iter().collect::<Result<()>>()).unwrap();
    done.lock().iter().position(|name| *name == "other").unwrap()
}

#[tokio::test]
async fn a_change_waits_for_few_of_a_flood_of_changes() {
    let store = temporary().await;
    let (resume, resumed) = mpsc::channel();
    let work = |note: Box<dyn FnOnce() + Send>| {
        store.write(move |_| {
            note();
            Ok(())
        })
    };
    let hold = store.write(move |_| {
        resumed.recv().unwrap();
        Ok(())
    });
    let place = place_behind_a_flood(work, hold, resume).await;
    assert!(place <= 2, "{place} changes of the other caller came before");
}

#[tokio::test]
async fn a_read_waits_for_few_of_a_flood_of_reads() {
    let store = with_one_reader().await;
    let (resume, resumed) = mpsc::channel();
    let work = |note: Box<dyn FnOnce() + Send>| {
        store.read(move |_| {
            note();
            Ok(())
        })
    };
    let hold = store.read(move |_| {
        resumed.recv().unwrap();
        Ok(())
    });
    let place = place_behind_a_flood(work, hold, resume).await;
    assert!(place <= 2, "{place} reads of the other caller came before");
}

#[tokio::test]
async fn an_abandoned_read_stops_and_its_connection_is_free() {
    let store = with_one_reader().await;
    let (started, has_started) = oneshot::channel();
    let mut endless = Box::pin(store.read(move |db| {
        started.send(()).unwrap();
        run_endlessly(db)
    }));
    tokio::select! {
        count = &mut endless => panic!("{count:?}"),
        running = has_started => running.unwrap(),
    }
    drop(endless);
    timeout(Duration::from_secs(60), store.log_state()).await.expect("the only reader is free").unwrap();
}

#[tokio::test]
async fn a_read_stops_at_the_deadline_of_its_request() {
    let store = with_one_reader().await;
    let soon = Instant::now() + Duration::from_millis(50);
    let stopped = run_until(soon, store.read(run_endlessly)).await.unwrap_err();
    assert!(matches!(&stopped, StoreError::Unavailable(why) if why.contains("took too long")), "{stopped}");
    let late = run_until(soon, store.read(run_endlessly)).await.unwrap_err();
    assert!(matches!(late, StoreError::Unavailable(_)), "{late}");
    store.log_state().await.unwrap();
}
