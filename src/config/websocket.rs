//! Settings of WebSocket connections.

use std::time::Duration;

use super::section::section;

section! {
    /// WebSockets, which carry subscriptions.
    "websocket" WebSocket {
        /// How long a client may take to send `connection_init`.
        init_timeout: Duration = Duration::from_secs(3), in Duration::from_millis(100)..=Duration::from_secs(300);
        /// How often the server sends a ping.
        ping_interval: Duration = Duration::from_secs(12), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long a client may be silent before its connection is closed; must be longer than `ping_interval`.
        dead_after: Duration = Duration::from_secs(30), in Duration::from_millis(200)..=Duration::from_secs(7200);
        /// How many operations may run at the same time on one connection.
        max_operations: usize = 64, in 1..=10_000;
        /// The largest message that a client may send, in bytes.
        max_message: usize = 128 * 1024, in 1024..=64 * 1024 * 1024;
    }
}
