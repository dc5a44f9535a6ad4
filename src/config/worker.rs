//! Settings of jobs and of what follows the event log.

use super::section::section;

section! {
    /// Jobs, and what follows the event log, such as webhooks.
    "worker" Worker {
        /// Whether `orderwire serve` does jobs and runs the consumers of the event log. If not, `orderwire worker` must run
        /// somewhere.
        embedded: bool = true;
    }
}
