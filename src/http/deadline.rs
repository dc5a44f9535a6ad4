//! Times of the clock as times of this node's timers.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Clock, SystemClock, Timestamp};

/// When this node's timers have that time.
pub(in crate::http) fn to_instant(time: Timestamp) -> Option<Instant> {
    let left = time.unix_millis_clamped().saturating_sub(SystemClock.now().unix_millis_clamped());
    Instant::now().checked_add(Duration::from_millis(left))
}
