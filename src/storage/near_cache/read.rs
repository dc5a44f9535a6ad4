//! Reads through the cache: what is in memory from there, the rest from the engine, once for all who miss it.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::{bypass::is_uncached, cache::NearCache, flights::Role, key::Key, recent_changes::Step, view::View};
use crate::{
    storage::{Result, Store, StoreError},
    telemetry::metrics::{CacheName, metrics},
};

/// How long to wait for a read of another caller. It may be that caller's turn later than this one's.
const AWAIT_OTHERS: Duration = Duration::from_millis(100);

/// Something that is read through the cache.
#[async_trait]
pub(super) trait Source {
    /// What is asked for.
    type Ask: Clone + Eq + Hash + Send + Sync;
    /// What is answered.
    type Answer: Clone + Send + Sync;
    /// Names it in metrics.
    const NAME: CacheName;

    fn key(ask: &Self::Ask) -> Key;
    /// The answer, if it is in memory and good. Its bytes count for the operation.
    fn find(view: &View<'_>, ask: &Self::Ask) -> Result<Option<Self::Answer>>;
    /// Asks the engine, for as many answers as there are asks.
    async fn ask(engine: &dyn Store, asks: &[Self::Ask]) -> Result<Vec<Self::Answer>>;
    /// Whether an answer of the engine shows nothing that the feed does not have and this node has not written.
    fn is_known(view: &View<'_>, ask: &Self::Ask, answer: &Self::Answer) -> bool;
    /// Keeps what did not change since the read of it `began`.
    fn keep(cache: &NearCache, began: Step, ask: &Self::Ask, answer: &Self::Answer);
}

impl NearCache {
    /// The answers of memory or the engine, in the order of the asks.
    pub(super) async fn read<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        if is_uncached() || !self.is_fresh() {
            let answers = S::ask(self.inner(), asks).await?;
            self.settle::<S>(asks, &answers).await;
            return Ok(answers);
        }
        let mut answers = self.find::<S>(asks)?;
        let missing: HashSet<&S::Ask> = unanswered(asks, &answers).collect();
        metrics().cache_lookups.get(S::NAME).inc_by(asks.len() as u64);
        metrics().cache_misses.get(S::NAME).inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let missing = missing.into_iter().cloned().collect();
            let loaded = self.load_once::<S>(missing).await?;
            for (ask, answer) in asks.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
                *answer = loaded.get(ask).cloned();
            }
        }
        let answers = answers.into_iter().collect::<Option<_>>();
        answers.ok_or_else(|| StoreError::internal("a read through the cache left something unanswered"))
    }

    /// The answers that are in memory and good.
    fn find<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<Option<S::Answer>>> {
        let Some(view) = self.view() else { return Ok(vec![None; asks.len()]) };
        asks.iter().map(|ask| S::find(&view, ask)).collect()
    }

    /// Reads what no other task is reading, and then what others were reading if they have not kept it.
    async fn load_once<S: Source>(&self, asks: Vec<S::Ask>) -> Result<HashMap<S::Ask, S::Answer>> {
        let (mut led, mut flights, mut awaited, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ask in asks {
            match self.flights().join(S::key(&ask)) {
                Role::Leads(flight) => {
                    led.push(ask);
                    flights.push(flight);
                }
                Role::Awaits(end) => {
                    awaited.push(ask);
                    ends.push(end);
                }
            }
        }
        let mut loaded = HashMap::new();
        if !led.is_empty() {
            let answers = self.load::<S>(&led).await?;
            loaded.extend(led.into_iter().zip(answers));
            drop(flights);
        }
        if awaited.is_empty() {
            return Ok(loaded);
        }
        let patience = Instant::now() + AWAIT_OTHERS;
        for mut end in ends {
            // Closes when the other read is done; nothing is ever sent.
            let _ = timeout_at(patience, end.changed()).await;
        }
        let found = self.find::<S>(&awaited)?;
        let late: Vec<S::Ask> = unanswered(&awaited, &found).cloned().collect();
        if !late.is_empty() {
            let answers = self.load::<S>(&late).await?;
            loaded.extend(late.into_iter().zip(answers));
        }
        loaded.extend(awaited.into_iter().zip(found).filter_map(|(ask, answer)| Some((ask, answer?))));
        Ok(loaded)
    }

    /// Reads from the engine, and keeps what it answers.
    async fn load<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        let began = self.read_begins();
        let answers = S::ask(self.inner(), asks).await?;
        if self.settle::<S>(asks, &answers).await {
            for (ask, answer) in asks.iter().zip(&answers) {
                S::keep(self, began, ask, answer);
            }
        }
        Ok(answers)
    }

    /// Waits until the feed has what these answers show. Returns at once if they show nothing new, which is the rule.
    /// `false` if the feed does not get so far.
    async fn settle<S: Source>(&self, asks: &[S::Ask], answers: &[S::Answer]) -> bool {
        self.knows::<S>(asks, answers) || self.catch_up().await
    }

    fn knows<S: Source>(&self, asks: &[S::Ask], answers: &[S::Answer]) -> bool {
        let view = self.view();
        view.is_some_and(|view| asks.iter().zip(answers).all(|(ask, answer)| S::is_known(&view, ask, answer)))
    }
}

/// What was asked for and not answered.
fn unanswered<'a, A, B>(asks: &'a [A], answers: &'a [Option<B>]) -> impl Iterator<Item = &'a A> {
    asks.iter().zip(answers).filter(|(_, answer)| answer.is_none()).map(|(ask, _)| ask)
}
