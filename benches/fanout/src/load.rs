//! Orders at a steady rate, whether or not the server keeps up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use crate::api::Shop;

/// Most mutations in flight; further ones start late.
const WORKERS: usize = 64;

/// An order that was placed.
pub struct Placed {
    /// Its number.
    pub number: String,
    /// When the mutation was sent, relative to the start of the run.
    pub sent: Duration,
}

/// The outcome of the orders.
#[derive(Default)]
pub struct Result {
    /// Placed orders.
    pub placed: Vec<Placed>,
    /// Orders that failed or had no response.
    pub failed: usize,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
    /// Orders that were due but not sent before the end, because all workers were waiting.
    pub skipped: usize,
    /// Longest delay between the due time of a mutation and sending it.
    pub late: Duration,
}

/// Orders that are being placed.
pub struct Load {
    state: Arc<State>,
    workers: Vec<JoinHandle<Result>>,
}

struct State {
    shop: Arc<Shop>,
    epoch: Instant,
    start: Instant,
    interval: f64,
    count: usize,
    end: Instant,
    next: AtomicUsize,
    running: AtomicUsize,
    placed: AtomicUsize,
}

impl Load {
    /// Starts placing `rate` orders a second for `seconds`.
    pub fn start(shop: Arc<Shop>, epoch: Instant, rate: f64, seconds: f64) -> Self {
        let start = Instant::now();
        let state = Arc::new(State {
            shop,
            epoch,
            start,
            interval: 1.0 / rate,
            count: (rate * seconds).round() as usize,
            end: start + Duration::from_secs_f64(seconds),
            next: AtomicUsize::new(0),
            running: AtomicUsize::new(WORKERS),
            placed: AtomicUsize::new(0),
        });
        let spawn = |_| {
            let state = state.clone();
            thread::spawn(move || state.work())
        };
        Self { workers: (0..WORKERS).map(spawn).collect(), state }
    }

    /// How many orders were placed; `None` while orders are still being placed.
    pub fn placed(&self) -> Option<usize> {
        let over = self.state.running.load(Ordering::Acquire) == 0;
        over.then(|| self.state.placed.load(Ordering::Acquire))
    }

    /// Waits for the responses that are outstanding.
    pub fn finish(self) -> Result {
        let mut all = Result::default();
        for worker in self.workers {
            let Ok(one) = worker.join() else {
                all.failed += 1;
                continue;
            };
            all.placed.extend(one.placed);
            all.failed += one.failed;
            all.first_failure = all.first_failure.or(one.first_failure);
            all.skipped += one.skipped;
            all.late = all.late.max(one.late);
        }
        all
    }
}

impl State {
    fn work(&self) -> Result {
        let mut result = Result::default();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                break;
            }
            let due = self.start + Duration::from_secs_f64(index as f64 * self.interval);
            sleep(due.saturating_duration_since(Instant::now()));
            let now = Instant::now();
            if now > self.end {
                result.skipped += 1;
                continue;
            }
            result.late = result.late.max(now - due);
            match self.shop.place(index) {
                Ok(number) => {
                    result.placed.push(Placed { number, sent: now - self.epoch });
                    self.placed.fetch_add(1, Ordering::Release);
                }
                Err(error) => {
                    result.failed += 1;
                    result.first_failure.get_or_insert_with(|| error.to_string());
                }
            }
        }
        self.running.fetch_sub(1, Ordering::Release);
        result
    }
}
