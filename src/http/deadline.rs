//! Converts timestamps to the instants that timers use.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Clock, SystemClock, Timestamp};

/// The instant of a timestamp; `None` when it is too far in the future.
pub(in crate::http) fn to_instant(time: Timestamp) -> Option<Instant> {
    let left = time.unix_millis_clamped().saturating_sub(SystemClock.now().unix_millis_clamped());
    Instant::now().checked_add(Duration::from_millis(left))
}
