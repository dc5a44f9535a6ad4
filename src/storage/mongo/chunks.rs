//! The numbers of chunks. The log is sharded by the first numbers of its chunks, so a process remembers the oldest and the
//! newest chunk that it has seen: its next look goes to the shards that have these and later ones.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use bson::{Document, RawDocument, doc};

use super::codec::read_fields;
use crate::{domain::Seq, storage::Result};

/// More entries than a chunk can have: a document has up to 16 MiB, and an entry more than 256 bytes.
const MAX_CHUNK_ENTRIES: Seq = 65_536;

/// The numbers of the oldest and the newest chunk that this process has seen, 0 before the first look.
#[derive(Default)]
pub(super) struct SeenChunks {
    oldest: AtomicI64,
    newest: AtomicI64,
}

impl SeenChunks {
    /// The oldest chunk, if the process has seen one.
    pub(super) fn oldest(&self) -> Option<Seq> {
        Some(self.oldest.load(Relaxed)).filter(|oldest| *oldest > 0)
    }

    pub(super) fn note_oldest(&self, found: Option<(Seq, Seq)>) {
        self.oldest.store(found.map_or(0, |(first, _)| first), Relaxed);
    }

    /// Conditions to look for the newest chunk with, one after the other until one is found: the chunks from the newest
    /// that the process has seen on, which the log may have lost, then all.
    pub(super) fn newest_conditions(&self) -> impl Iterator<Item = Document> {
        let seen = Some(self.newest.load(Relaxed)).filter(|newest| *newest > 0);
        seen.map(|newest| doc! { "_id": { "$gte": newest } }).into_iter().chain([doc! {}])
    }

    pub(super) fn note_newest(&self, found: Option<(Seq, Seq)>) {
        self.newest.store(found.map_or(0, |(first, _)| first), Relaxed);
    }
}

/// The condition for chunks with entries above this number. The range of `_id` leads to the shards that may have them.
pub(super) fn with_entries_after(after: Seq) -> Document {
    doc! { "last": { "$gt": after }, "_id": { "$gt": after.saturating_sub(MAX_CHUNK_ENTRIES) } }
}

/// The numbers of the first and last entry of a chunk.
pub(super) fn bounds(document: &RawDocument) -> Result<(Seq, Seq)> {
    read_fields!(document, first: "_id", last: "last");
    Ok((first.required()?, last.required()?))
}
