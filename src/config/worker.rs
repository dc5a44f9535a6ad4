//! Settings of work that follows the event log.

use super::section::section;

section! {
    /// What follows the event log, such as webhooks.
    "worker" Worker {
        /// Whether `orderwire serve` runs the consumers of the event log. If not, `orderwire worker` must run somewhere.
        embedded: bool = true;
    }
}
