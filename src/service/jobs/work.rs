//! What the jobs of a kind do.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{Job, JobKind};

/// What the jobs of a kind do.
#[async_trait]
pub trait Work: Send + Sync {
    /// The kind.
    fn kind(&self) -> JobKind;

    /// How many of them a process runs at the same time.
    fn at_once(&self) -> u32 {
        1
    }

    /// How long an attempt may take.
    fn longest(&self) -> Duration;

    /// How often it is done without being asked for.
    fn schedule(&self) -> Option<Schedule> {
        None
    }

    /// Does it, or says why not, for people. It may be dropped at any time, and done again.
    async fn run(&self, job: &Job) -> Result<(), String>;
}

/// When work is done again and again, once in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the end of one time to the beginning of the next.
    pub every: Duration,
    /// The first time comes at most so long after the first start of a deployment.
    pub first_within: Duration,
    /// Attempts before it waits for its next time.
    pub max_attempts: u32,
}
