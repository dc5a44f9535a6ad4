//! Settings of how long data is kept.

use std::time::Duration;

use super::section::section;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);

section! {
    /// How long data is kept.
    "retention" Retention {
        /// How long the event log keeps entries. A client can be disconnected that long without missing an event.
        event_log: Duration = 7 * DAY, in HOUR..=TEN_YEARS;
        /// How long idempotency keys are remembered.
        idempotency_keys: Duration = 2 * DAY, in DAY..=TEN_YEARS;
        /// How often expired data is deleted.
        prune_every: Duration = HOUR, in Duration::from_secs(1)..=DAY;
    }
}
