//! Deletes data that is past its retention.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    domain::{Job, JobKind},
    service::{
        Service,
        jobs::{Schedule, Work},
    },
};

/// The first time comes so soon, because a process may not live for a whole interval.
const FIRST_WITHIN: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(15 * 60);
const MAX_ATTEMPTS: u32 = 5;

pub(super) struct Prune {
    pub(super) service: Arc<Service>,
    pub(super) every: Duration,
}

#[async_trait]
impl Work for Prune {
    fn kind(&self) -> JobKind {
        JobKind::Prune
    }

    fn longest(&self) -> Duration {
        LONGEST
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule { every: self.every, first_within: FIRST_WITHIN, max_attempts: MAX_ATTEMPTS })
    }

    async fn run(&self, _: &Job) -> Result<(), String> {
        self.service.prune().await.map_err(|error| error.to_string())
    }
}
