//! The engine under test, with a database of its own for every behaviour.

use std::{any::Any, fmt::Debug, ops::Deref, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use orderwire::{
    domain::{LogFilter, Refusal, Seq},
    storage::{DeploymentId, LogPage, LogState, Result, Store, StoreError},
};
use tokio::time::timeout;

/// Longer than any behaviour takes; ends a deadlock.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The place of one test's database.
#[async_trait]
pub trait Engine: Send + Sync {
    /// A new, empty place for a behaviour of this topic.
    async fn prepare(topic: &str) -> Self
    where
        Self: Sized;
    /// Opens the database as a node of a deployment; the first call makes it.
    async fn open_as(&self, deployment: Option<DeploymentId>) -> Result<Arc<dyn Store>>;
    /// Opens the database as a process without a signing key; the first call makes it.
    async fn open(&self) -> Arc<dyn Store> {
        self.open_as(None).await.unwrap()
    }
    /// Bytes that the database takes.
    async fn bytes(&self) -> u64;
    /// How many long texts the event log has.
    async fn texts(&self) -> u64;
    /// Makes the long texts look unused for a long time, where that decides whether they are deleted.
    async fn age_texts(&self) {}
    /// Deletes the log's entries above this number, as if the database were restored from a backup.
    async fn lose_entries_after(&self, seq: Seq);
    /// What reads of the event log have examined since the last call, in a unit of the engine; the first call begins to
    /// count.
    async fn examined_in_log(&self) -> u64;
    /// What reads of entities have examined since the last call, in a unit of the engine; the first call begins to count.
    async fn examined(&self) -> u64;
    /// How much of that depends on chance, such as reads of the event feed.
    fn examined_by_chance(&self) -> u64;
    /// What is wrong with how the store has asked the database.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }
    /// Removes the database.
    async fn remove(&self);
}

/// An open database.
pub struct Db {
    engine: Box<dyn Engine>,
    store: Arc<dyn Store>,
}

impl Db {
    /// The store, for helpers that take any store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// A handle for a spawned task.
    pub fn shared(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// The bounds of the log, which contains everything that was committed.
    pub async fn log_state(&self) -> Result<LogState> {
        self.store.catch_up_log().await?;
        self.store.log_state().await
    }

    /// Reads the log, which contains everything that was committed.
    pub async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        self.store.catch_up_log().await?;
        self.store.read_log(after, filter, limit).await
    }

    /// The same database opened once more, as by another node. The caller closes it.
    pub async fn other_node(&self) -> Arc<dyn Store> {
        self.engine.open().await
    }

    /// The same database opened by a node of this deployment. The caller closes it.
    pub async fn open_as(&self, deployment: DeploymentId) -> Result<Arc<dyn Store>> {
        self.engine.open_as(Some(deployment)).await
    }

    /// Bytes that the database takes.
    pub async fn bytes(&self) -> u64 {
        self.engine.bytes().await
    }

    /// How many long texts the event log has.
    pub async fn texts(&self) -> u64 {
        self.engine.texts().await
    }

    /// Makes the long texts look unused for a long time.
    pub async fn age_texts(&self) {
        self.engine.age_texts().await;
    }

    /// Deletes the log's entries above this number, as if the database were restored from a backup.
    pub async fn lose_entries_after(&self, seq: Seq) {
        self.engine.lose_entries_after(seq).await;
    }

    /// What reads of the event log have examined since the last call, in a unit of the engine; the first call begins to
    /// count.
    pub async fn examined_in_log(&self) -> u64 {
        self.engine.examined_in_log().await
    }

    /// What reads of entities have examined since the last call, in a unit of the engine; the first call begins to count.
    pub async fn examined(&self) -> u64 {
        self.engine.examined().await
    }

    /// How much of that depends on chance.
    pub fn examined_by_chance(&self) -> u64 {
        self.engine.examined_by_chance()
    }

    /// Closes the database and opens it again.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.engine.open().await;
    }
}

impl Deref for Db {
    type Target = dyn Store;
    fn deref(&self) -> &Self::Target {
        self.store()
    }
}

/// Runs a behaviour on a new database, which is removed afterwards in any case.
pub async fn check<E: Engine + 'static>(topic: &str, behaviour: impl AsyncFnOnce(&mut Db)) {
    check_within::<E>(topic, DEADLINE, behaviour).await;
}

/// The same for a behaviour that may take longer than others.
pub async fn check_within<E: Engine + 'static>(topic: &str, deadline: Duration, behaviour: impl AsyncFnOnce(&mut Db)) {
    let engine = Box::new(E::prepare(topic).await);
    let mut db = Db { store: engine.open().await, engine };
    let outcome = AssertUnwindSafe(timeout(deadline, behaviour(&mut db))).catch_unwind().await;
    db.store.close().await;
    db.engine.remove().await;
    match outcome {
        Ok(in_time) => in_time.expect("the behaviour should end within the deadline"),
        Err(panic) => std::panic::resume_unwind(panic as Box<dyn Any + Send>),
    }
    let faults = db.engine.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rule that refused a change.
#[track_caller]
pub fn refusal<T: Debug>(result: Result<T>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("should be refused: {other:?}"),
    }
}
