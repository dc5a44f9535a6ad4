//! What jobs do: one file for each kind.

mod prune;

use std::{sync::Arc, time::Duration};

use crate::service::{Service, jobs::Work};

/// How often the jobs with a schedule are done.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// Time between two deletions of expired data.
    pub prune_every: Duration,
}

/// The work of all kinds of jobs.
pub fn all(service: &Arc<Service>, options: JobOptions) -> Vec<Arc<dyn Work>> {
    vec![Arc::new(prune::Prune { service: service.clone(), every: options.prune_every })]
}
