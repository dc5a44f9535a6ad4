//! Settings of the cache of what was read.

use super::section::section;

section! {
    /// The cache of what this node has read from the database. The event feed keeps it right.
    "cache" Cache {
        /// How much memory products, orders, tasks and pages of their lists may take in it, estimated in bytes. With 0 the
        /// database answers every read.
        bytes: usize = 64 * 1024 * 1024, in 0..=1024 * 1024 * 1024 * 1024;
        /// How many bytes of products and orders nodes keep for each other in Redis, so that a node that has just started reads
        /// less from the database. With 0 they keep none.
        shared_bytes: usize = 0, in 0..=1024 * 1024 * 1024 * 1024;
    }
}
