//! A process that runs the consumers of the event log and jobs, and no server.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Core, StartError, listen_for_metrics, options};
use crate::{
    config::Config,
    http,
    service::{
        PayloadRenderer,
        consumers::{ConsumerOptions, Consumers},
    },
};

impl Core {
    /// Makes the consumers of the brokers that are configured, if they are new.
    pub(super) async fn add_relays(&self) -> Result<(), StartError> {
        self.service.add_relays(&self.relays).await.map_err(|error| StartError::Database(error.to_string()))
    }

    /// Starts to run the consumers of the event log.
    pub fn start_consumers(&self) -> Consumers {
        let (service, relays) = (self.service.clone(), self.relays.clone());
        let open = Arc::new(move |consumer: &_| match service.open_relay(&relays, consumer) {
            Some(sink) => Ok(sink),
            None => service.open_sink(consumer),
        });
        let options = ConsumerOptions { without: self.relays.missing(), ..ConsumerOptions::default() };
        Consumers::start(&self.service, open, options)
    }
}

/// Runs the consumers of the event log, and jobs, until `shutdown`.
pub async fn run_worker(config: &Config, shutdown: CancellationToken) -> Result<(), StartError> {
    let metrics = listen_for_metrics(&config.metrics.bind).await?;
    let opened = Core::open_observed(config, config.server.start_wait, None);
    let Some(core) = shutdown.run_until_cancelled(opened).await else { return Ok(()) };
    let core = core?;
    let _metrics = metrics.map(|listener| AbortOnDropHandle::new(tokio::spawn(http::serve_metrics(listener))));
    tracing::info!(engine = core.store.engine(), "running jobs, and what follows the event log");
    let renderer: Arc<dyn PayloadRenderer> = Arc::new(core.api(config)?);
    core.service.render_payloads_by(&renderer);
    core.add_relays().await?;
    let (consumers, jobs) = (core.start_consumers(), core.start_jobs(options::jobs(config)));
    shutdown.cancelled().await;
    let close = async {
        tokio::join!(consumers.stop(), jobs.stop());
        core.close().await;
    };
    if tokio::time::timeout(config.server.grace_period, close).await.is_err() {
        tracing::warn!("the grace period is over; what is still running is cut off");
    }
    Ok(())
}
