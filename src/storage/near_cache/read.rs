//! Reads through the cache: what is in memory from there, the rest from the engine, once for all who miss it.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::{cache::NearCache, change::ChangeList, flights::Role, key::Key, recent_changes::Step, view::View};
use crate::{
    fairness::{Caller, current_caller},
    storage::{
        Result, Store, StoreError,
        operation::{is_uncached, uncached},
    },
    telemetry::metrics::{CacheName, metrics},
};

/// How long to wait for a read of another caller. It may be that caller's turn later than this one's.
const AWAIT_OTHERS: Duration = Duration::from_millis(100);

/// Something that is read through the cache.
#[async_trait]
pub(super) trait Source: Send + Sized + 'static {
    /// What is asked for.
    type Ask: Clone + Eq + Hash + Send + Sync + 'static;
    /// What is answered.
    type Answer: Clone + Send + Sync + 'static;
    /// Names it in metrics.
    const NAME: CacheName;

    fn key(ask: &Self::Ask) -> Key;
    /// The answer, if it is in memory and good. Its bytes count for the operation.
    fn find(view: &View<'_>, ask: &Self::Ask) -> Result<Option<Self::Answer>>;
    /// Answers that are not in memory, as many as there are asks.
    async fn load(cache: &NearCache, asks: &[Self::Ask]) -> Result<Vec<Self::Answer>> {
        cache.ask::<Self>(asks).await
    }
    /// Asks the engine, for as many answers as there are asks.
    async fn ask(engine: &dyn Store, asks: &[Self::Ask]) -> Result<Vec<Self::Answer>>;
    /// What the answer shows the last change of.
    fn shows(ask: &Self::Ask) -> ChangeList;
    /// Whether an answer of the engine shows nothing that the feed does not have and this node has not written.
    fn is_known(view: &View<'_>, ask: &Self::Ask, answer: &Self::Answer) -> bool;
    /// Estimated bytes of an answer.
    fn bytes(answer: &Self::Answer) -> usize;
    /// Keeps what did not change since the read of it `began`.
    fn keep(cache: &NearCache, began: Step, ask: &Self::Ask, answer: &Self::Answer);
}

impl NearCache {
    /// The answers of memory or the engine, in the order of the asks.
    pub(super) async fn read<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        let seen = self.seen_by_caller();
        if is_uncached() || !self.is_fresh() {
            return self.bypass::<S>(asks).await;
        }
        let mut answers = self.find::<S>(asks)?;
        let mut may_share = seen.is_none();
        if let Some(seen) = seen
            && answers.iter().any(Option::is_some)
        {
            if !self.catch_up_with(seen).await {
                return self.bypass::<S>(asks).await;
            }
            may_share = true;
            answers = self.find::<S>(asks)?;
        }
        let missing: HashSet<&S::Ask> = unanswered(asks, &answers).collect();
        metrics().cache_lookups.get(S::NAME).inc_by(asks.len() as u64);
        metrics().cache_misses.get(S::NAME).inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let missing: Vec<S::Ask> = missing.into_iter().cloned().collect();
            let loaded = match may_share {
                true => self.load_once::<S>(missing).await?,
                false => self.load_alone::<S>(missing).await?,
            };
            for (ask, answer) in asks.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
                *answer = loaded.get(ask).cloned();
            }
        }
        let answers = answers.into_iter().collect::<Option<_>>();
        answers.ok_or_else(|| StoreError::internal("a read through the cache left something unanswered"))
    }

    /// Asks the engine. What it answers with is as new as what this node has read in the log; what the feed has only heard of
    /// from another node may be newer, and then a server that may be behind is not asked.
    pub(super) async fn ask<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        if asks.iter().any(|ask| self.has_only_heard_of(&S::shows(ask))) {
            uncached(S::ask(self.inner(), asks)).await
        } else {
            S::ask(self.inner(), asks).await
        }
    }

    /// The answers of the engine.
    async fn bypass<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        let answers = self.ask::<S>(asks).await?;
        self.settle::<S>(asks, &answers).await;
        Ok(answers)
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

    /// Reads what is not in memory, and keeps it.
    async fn load<S: Source>(&self, asks: &[S::Ask]) -> Result<Vec<S::Answer>> {
        let began = self.read_begins();
        let answers = S::load(self, asks).await?;
        self.keep::<S>(began, asks, &answers).await;
        Ok(answers)
    }

    /// Reads from the engine for a caller who has seen something new: another read that is under way, or what other nodes have
    /// read, may be older than that.
    async fn load_alone<S: Source>(&self, asks: Vec<S::Ask>) -> Result<HashMap<S::Ask, S::Answer>> {
        let began = self.read_begins();
        let answers = self.ask::<S>(&asks).await?;
        self.keep::<S>(began, &asks, &answers).await;
        Ok(asks.into_iter().zip(answers).collect())
    }

    /// Keeps the answers of a read that began after this change, now or once the feed has what they show.
    async fn keep<S: Source>(&self, began: Step, asks: &[S::Ask], answers: &[S::Answer]) {
        match self.settle::<S>(asks, answers).await {
            Settled::Now => keep_all::<S>(self, began, asks, answers),
            Settled::AfterFeed(ended) => {
                let keep = || -> Box<dyn FnOnce(&Self) + Send + Sync> {
                    let (asks, answers) = (asks.to_vec(), answers.to_vec());
                    Box::new(move |cache| keep_all::<S>(cache, began, &asks, &answers))
                };
                let bytes = asks.iter().zip(answers).map(|(ask, answer)| S::key(ask).memory() + S::bytes(answer));
                self.later().add(ended, bytes.sum(), keep);
            }
            Settled::Never => {}
        }
    }

    /// Sees to it that nothing that the caller gets later is older than these answers. Returns at once if they show nothing
    /// new, which is the rule, or if the caller can be told from others. Otherwise waits until the feed has what they show.
    async fn settle<S: Source>(&self, asks: &[S::Ask], answers: &[S::Answer]) -> Settled {
        if self.knows::<S>(asks, answers) {
            return Settled::Now;
        }
        match current_caller() {
            caller @ (Caller::User(_) | Caller::Key(_)) => Settled::AfterFeed(self.note_shown(caller)),
            Caller::Address(_) | Caller::Server if self.catch_up().await => Settled::Now,
            Caller::Address(_) | Caller::Server => Settled::Never,
        }
    }

    fn knows<S: Source>(&self, asks: &[S::Ask], answers: &[S::Answer]) -> bool {
        let view = self.view();
        view.is_some_and(|view| asks.iter().zip(answers).all(|(ask, answer)| S::is_known(&view, ask, answer)))
    }
}

/// When answers can be kept.
enum Settled {
    Now,
    /// Once the feed has everything that was committed before this time.
    AfterFeed(Instant),
    Never,
}

fn keep_all<S: Source>(cache: &NearCache, began: Step, asks: &[S::Ask], answers: &[S::Answer]) {
    for (ask, answer) in asks.iter().zip(answers) {
        S::keep(cache, began, ask, answer);
    }
}

/// What was asked for and not answered.
fn unanswered<'a, A, B>(asks: &'a [A], answers: &'a [Option<B>]) -> impl Iterator<Item = &'a A> {
    asks.iter().zip(answers).filter(|(_, answer)| answer.is_none()).map(|(ask, _)| ask)
}
