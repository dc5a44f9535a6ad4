//! Runs all consumers that this process has the lease of.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::warn;

use super::{
    lease::LeaseEnd,
    options::ConsumerOptions,
    run::{self, Shared},
    sink::OpenSink,
};
use crate::{service::Service, storage::LeasedConsumer};

/// How long the store may take when the process stops, before its leases are left to end by themselves.
const RELEASE: Duration = Duration::from_millis(500);

/// The consumers of a process. Dropping this ends them at once, as a crash would: others go on when their leases end.
pub struct Consumers {
    task: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl Consumers {
    /// Starts to run consumers. Must be called within a Tokio runtime.
    pub fn start(service: &Service, open: OpenSink, options: ConsumerOptions) -> Self {
        let shared = Shared {
            store: service.store.clone(),
            feed: service.feed.clone(),
            open,
            options,
            lease: Arc::new(LeaseEnd::new()),
        };
        let stop = CancellationToken::new();
        let runner = Runner {
            shared,
            holder: rand::random(),
            running: HashMap::new(),
            changed: service.consumers_changed.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(runner.run(stop.clone())));
        Self { task, stop }
    }

    /// Stops all consumers, saves how far they are, and releases their leases, so that other processes go on at once.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            warn!(%error, "the consumers of the event log ended with a fault");
        }
    }
}

/// A consumer that runs.
struct RunningConsumer {
    fence: i64,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

struct Runner {
    shared: Shared,
    /// A random number by which the store knows this process.
    holder: i64,
    running: HashMap<String, RunningConsumer>,
    /// A consumer was changed by this process.
    changed: Arc<Notify>,
}

impl Runner {
    async fn run(mut self, stop: CancellationToken) {
        let every = self.shared.options.lease_every;
        while !stop.is_cancelled() {
            let leasing = self.lease();
            if stop.run_until_cancelled(leasing).await.is_none() {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep(every.mul_f64(0.9 + 0.2 * rand::random::<f64>())) => {}
            }
        }
        self.stop_all().await;
        let released = timeout(RELEASE, self.shared.store.release_consumers(self.holder)).await;
        if !matches!(released, Ok(Ok(()))) {
            warn!("the leases of consumers were not released; others go on when they end");
        }
    }

    /// Extends the leases and takes free ones, starts their consumers, and stops those whose leases are lost.
    async fn lease(&mut self) {
        let ConsumerOptions { lease, most, without, .. } = &self.shared.options;
        let asked_at = Instant::now();
        match self.shared.store.lease_consumers(self.holder, *most, *lease, without).await {
            Ok(leased) => {
                self.shared.lease.extend(asked_at, *lease);
                self.keep(leased);
            }
            // Those that run start no delivery after the end of their leases.
            Err(error) => warn!(%error, "the leases of consumers can't be extended"),
        }
    }

    /// Makes exactly these consumers run.
    fn keep(&mut self, leased: Vec<LeasedConsumer>) {
        let mut before = std::mem::take(&mut self.running);
        for leased in leased {
            let name = leased.consumer.name.clone();
            let running = match before.remove(&name) {
                Some(running) if running.fence == leased.fence && !running.task.is_finished() => running,
                replaced => self.start(leased, replaced),
            };
            self.running.insert(name, running);
        }
        for (_, lost) in before {
            lost.stop.cancel();
            // It ends by itself, soon.
            drop(lost.task.detach());
        }
    }

    /// Starts a consumer, after the end of what `replaced` is doing.
    fn start(&self, leased: LeasedConsumer, replaced: Option<RunningConsumer>) -> RunningConsumer {
        let (fence, stop, shared) = (leased.fence, CancellationToken::new(), self.shared.clone());
        let run = run::run(shared, leased, stop.clone());
        let task = tokio::spawn(async move {
            if let Some(RunningConsumer { stop, task, .. }) = replaced {
                stop.cancel();
                let _ = task.await;
            }
            run.await;
        });
        RunningConsumer { fence, stop, task: AbortOnDropHandle::new(task) }
    }

    async fn stop_all(&mut self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
        for (_, running) in self.running.drain() {
            if let Err(error) = running.task.await {
                warn!(%error, "a consumer of the event log ended with a fault");
            }
        }
    }
}
