//! A process that runs the consumers of the event log, and no server.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Core, StartError, listen_for_metrics};
use crate::{
    config::Config,
    http,
    service::{
        PayloadRenderer,
        consumers::{ConsumerOptions, Consumers},
    },
};

impl Core {
    /// Starts to run the consumers of the event log.
    pub fn start_consumers(&self) -> Consumers {
        let service = self.service.clone();
        let open = Arc::new(move |consumer: &_| service.open_sink(consumer));
        Consumers::start(&self.service, open, ConsumerOptions::default())
    }
}

/// Runs the consumers of the event log until `shutdown`.
pub async fn run_worker(config: &Config, shutdown: CancellationToken) -> Result<(), StartError> {
    let metrics = listen_for_metrics(&config.metrics.bind).await?;
    let opened = Core::open_observed(config, config.server.start_wait, None);
    let Some(core) = shutdown.run_until_cancelled(opened).await else { return Ok(()) };
    let core = core?;
    let _metrics = metrics.map(|listener| AbortOnDropHandle::new(tokio::spawn(http::serve_metrics(listener))));
    tracing::info!(engine = core.store.engine(), "running what follows the event log");
    let renderer: Arc<dyn PayloadRenderer> = Arc::new(core.api(config)?);
    core.service.render_payloads_by(&renderer);
    let consumers = core.start_consumers();
    shutdown.cancelled().await;
    let close = async {
        consumers.stop().await;
        core.close().await;
    };
    if tokio::time::timeout(config.server.grace_period, close).await.is_err() {
        tracing::warn!("the grace period is over; what is still running is cut off");
    }
    Ok(())
}
