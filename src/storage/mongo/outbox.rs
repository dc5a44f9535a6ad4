//! The outbox: entries of the log that have no number yet. A transaction leaves those of its change in one document,
//! `{ _id: ID OF THE FIRST ENTRY, by: PROCESS, time, about: [KEY…], texts: [HASH…], entries: [ENTRY…] }`.
//! [`super::sequencer`] numbers them.

use std::collections::{BTreeMap, BTreeSet};

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf};

use super::{
    codec::{raw_document, read_fields},
    event::{Key, encode, keys},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Changed, Entity, EventDraft, EventId, EventKind, RightsChange, Stamp, Timestamp, User},
    storage::{
        Result,
        log_text::{StoredEntity, TextHash},
    },
};

/// A document of the outbox.
pub(super) struct Pending {
    pub(super) id: EventId,
    pub(super) by: i64,
    pub(super) about: Vec<Key>,
    pub(super) entries: Vec<RawDocumentBuf>,
}

impl Pending {
    pub(super) fn decode(document: &RawDocument) -> Result<Self> {
        read_fields!(document, id: "_id", by: "by", about: "about", entries: "entries");
        Ok(Self {
            id: id.required()?,
            by: by.required()?,
            about: about.required()?,
            entries: entries.documents(|entry| Ok(entry.to_owned()))?,
        })
    }

    /// The bytes of its entries, with their long texts.
    pub(super) fn bytes(&self) -> Result<usize> {
        let bytes = self.entries.iter().map(|entry| {
            read_fields!(entry, text_bytes: "text_bytes");
            let text: Option<i32> = text_bytes.optional()?;
            Ok(entry.as_bytes().len() + text.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(0)))
        });
        bytes.sum()
    }
}

impl Transaction {
    /// Leaves the entries of a change in the outbox. They keep their order and stay together.
    pub(super) async fn append_events(&mut self, drafts: &[EventDraft]) -> TransactionResult<()> {
        let Some(first) = drafts.first() else { return Ok(()) };
        let about: BTreeSet<Key> =
            drafts.iter().flat_map(|draft| keys(&draft.entity, draft.id, draft.audience())).collect();
        let stored: Vec<StoredEntity> =
            drafts.iter().map(|draft| StoredEntity::new(&draft.entity)).collect::<Result<_>>()?;
        let texts: BTreeMap<TextHash, &str> =
            stored.iter().filter_map(|stored| stored.text.as_ref()).map(|(hash, text)| (*hash, &**text)).collect();
        let named = (!texts.is_empty()).then(|| texts.keys().copied().collect::<Vec<TextHash>>());
        self.store_texts(texts).await?;
        let entries = drafts.iter().zip(&stored).map(|(draft, stored)| encode(draft, stored));
        let entries = entries.collect::<Result<RawArrayBuf>>()?;
        // MongoDB replaces an empty timestamp by the time on its cluster clock.
        let empty = bson::Timestamp { time: 0, increment: 0 };
        let about: Vec<Key> = about.into_iter().collect();
        let mut document = raw_document! { "_id": first.id, "by": self.store.process, "about": about, "texts": named };
        document.append(bson::raw::cstr!("time"), empty);
        document.append(bson::raw::cstr!("entries"), entries);
        let outbox = self.store.collections.outbox.clone();
        self.insert(&outbox, vec![document]).await?;
        self.entries = drafts.iter().map(|draft| draft.id).collect();
        Ok(())
    }

    /// Leaves the entries of changes of rights, of which there may be none.
    pub(super) async fn record_rights(
        &mut self,
        changes: impl IntoIterator<Item = RightsChange>,
        at: Timestamp,
    ) -> TransactionResult<()> {
        let drafts: Vec<EventDraft> = changes.into_iter().map(|change| change.draft(at)).collect();
        self.append_events(&drafts).await
    }

    /// Leaves the entry of a change of a user who is saved, then those of the rights that it ended.
    pub(super) async fn record_user(
        &mut self,
        kind: EventKind,
        user: User,
        ended: impl IntoIterator<Item = RightsChange>,
        stamp: Stamp,
    ) -> TransactionResult<User> {
        let ended = ended.into_iter().map(|change| change.draft(stamp.at));
        let drafts: Vec<EventDraft> = [user.draft(kind, stamp)].into_iter().chain(ended).collect();
        self.append_events(&drafts).await?;
        Ok(user)
    }

    /// Leaves the entry of a change whose entity is saved.
    pub(super) async fn record<T>(&mut self, changed: Changed<T>, stamp: Stamp) -> TransactionResult<T>
    where
        T: Clone + Into<Entity>,
    {
        self.append_events(&[changed.draft(stamp)]).await?;
        Ok(changed.value)
    }
}
