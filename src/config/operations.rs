//! Settings of persisted operations and the document cache.

use std::{path::PathBuf, time::Duration};

use super::section::section;

section! {
    /// Persisted operations and the cache of parsed documents.
    "operations" Operations {
        /// A manifest of persisted operations (Apollo's format, or a map of ids to documents as Relay and GraphQL Code
        /// Generator write it). If set, only these operations run. Otherwise clients may register documents by their
        /// hash (Apollo's automatic persisted queries).
        manifest: Option<PathBuf> = None, example "\"/etc/orderwire/operations.json\"";
        /// Size of the cache of parsed and validated documents, in bytes.
        cache: usize = 32 * 1024 * 1024, in 0..=16 * 1024 * 1024 * 1024;
        /// How many bytes of documents that clients registered this node keeps in memory.
        registered: usize = 8 * 1024 * 1024, in 0..=16 * 1024 * 1024 * 1024;
        /// How many bytes of them Redis keeps for all nodes. The oldest are deleted first.
        registered_shared: usize = 64 * 1024 * 1024, in 64 * 1024..=16 * 1024 * 1024 * 1024;
        /// How long Redis keeps a document that a client registered.
        registered_for: Duration = Duration::from_secs(7 * 24 * 3600),
            in Duration::from_secs(1)..=Duration::from_secs(3650 * 24 * 3600);
    }
}
