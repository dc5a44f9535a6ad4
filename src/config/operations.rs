//! Known operations.

use std::{path::PathBuf, time::Duration};

use super::reader::section;

section! {
    /// Documents that are known already: their checks are done, and clients need not send them.
    "operations" Operations {
        /// A manifest of operations (Apollo's, or a map of ids to documents as Relay and GraphQL Code Generator write it).
        /// With one, these operations are run and no others. Without, clients register documents by their hash, as Apollo's
        /// automatic persisted queries have it.
        manifest: Option<PathBuf> = None, example "\"/etc/orderwire/operations.json\"";
        /// How much of checked documents is kept, in bytes.
        cache: usize = 32 * 1024 * 1024, in 0..=16 * 1024 * 1024 * 1024;
        /// How much of the documents that clients registered is kept on this node, in bytes.
        registered: usize = 8 * 1024 * 1024, in 0..=16 * 1024 * 1024 * 1024;
        /// How long Redis keeps a document that a client registered.
        registered_for: Duration = Duration::from_secs(7 * 24 * 3600),
            in Duration::from_secs(1)..=Duration::from_secs(3650 * 24 * 3600);
    }
}
