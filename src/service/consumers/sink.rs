//! Where the entries of consumers go.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{batch::Batch, retry::retry_delay};
use crate::domain::{Consumer, EventFilter};

/// Where the entries of a consumer go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Which entries it takes.
    fn filter(&self) -> &EventFilter;

    /// Gets ready before there is anything to take, after this many failures in a row, so that what is wrong shows at once.
    async fn prepare(&self, _failures: u32) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes the entries of the batch in their order, until there is none or one can't be taken. Says why not. This may be
    /// dropped at any time; what the batch says is taken then counts.
    async fn deliver(&self, batch: &mut Batch) -> Result<(), Failure>;

    /// Stores what people are to know of the deliveries since the last call. Called when their progress is saved, and at the end.
    async fn record(&self) {}
}

/// Why an entry could not be taken, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For people.
    pub message: String,
    /// How long to wait.
    pub retry_in: Duration,
}

impl Failure {
    /// A failure after `failures` others in a row, which grow the time to wait.
    pub fn after(failures: u32, message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_in: retry_delay(failures.saturating_add(1), rand::random()) }
    }
}

/// Opens the sink of a consumer, or says why that is not possible.
pub type OpenSink = Arc<dyn Fn(&Consumer) -> Result<Arc<dyn Sink>, String> + Send + Sync>;
