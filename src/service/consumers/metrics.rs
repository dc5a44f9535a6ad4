//! Metrics of the consumers that this process runs.

use std::sync::LazyLock;

use crate::{
    domain::Seq,
    telemetry::metrics::{BoundedNames, metrics},
};

/// The most consumers that have series of their own.
const NAMED: usize = 1000;

/// The series of a consumer, which go when another process runs it.
pub(super) struct ConsumerMetrics(&'static str);

impl ConsumerMetrics {
    pub(super) fn new(name: &str) -> Self {
        static NAMES: LazyLock<BoundedNames> = LazyLock::new(|| BoundedNames::new(NAMED));
        Self(NAMES.label(name))
    }

    /// Every entry up to `position` was taken; the log ends with `head`.
    pub(super) fn progress(&self, position: Seq, head: Seq) {
        metrics().consumer_position.with_labels([self.0]).set(position);
        metrics().consumer_lag.with_labels([self.0]).set(head.saturating_sub(position).max(0));
    }

    pub(super) fn taken(&self, entries: u64) {
        metrics().consumer_taken.with_labels([self.0]).inc_by(entries);
    }

    pub(super) fn failed(&self) {
        metrics().consumer_failures.with_labels([self.0]).inc();
    }

    /// The log no longer holds what comes next.
    pub(super) fn stopped(&self) {
        metrics().consumers_stopped.inc();
    }

    /// This many attempts have failed since one succeeded.
    pub(super) fn consecutive_failures(&self, failures: u32) {
        metrics().consumer_failing.with_labels([self.0]).set(failures.into());
    }
}

impl Drop for ConsumerMetrics {
    fn drop(&mut self) {
        metrics().consumer_position.remove([self.0]);
        metrics().consumer_lag.remove([self.0]);
        metrics().consumer_failing.remove([self.0]);
    }
}
