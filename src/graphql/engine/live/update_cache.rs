//! Cache of serialised updates, shared by subscribers with the same selection.
//!
//! Decision: `docs/decisions/0006-updates-are-executed-once.md`.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use moka::future::Cache;
use parking_lot::RwLock;
use serde_json::value::RawValue;

use super::{selection::SelectionDigest, update::UpdateId};

/// How long an update is kept: subscribers that keep up ask for it at once.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Most bytes of updates that are kept.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Number of slots for the latest updates.
const LATEST: usize = 256;
/// Largest update in such a slot, in bytes.
const LATEST_MAX_BYTES: usize = 16 * 1024;

/// Identifies a serialised update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpdateCacheKey {
    /// What is selected of the update, and with which rights.
    pub selection: SelectionDigest,
    /// Which update.
    pub update: UpdateId,
}

/// A slot of the latest updates.
type Slot = RwLock<Option<(UpdateCacheKey, Arc<RawValue>)>>;

/// The updates that were serialised lately.
pub struct UpdateCache {
    kept: Cache<UpdateCacheKey, Arc<RawValue>>,
    /// The latest updates, found without a search: subscribers that keep up ask for the same ones at the same time.
    latest: Box<[Slot; LATEST]>,
}

impl Default for UpdateCache {
    fn default() -> Self {
        let kept = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, json: &Arc<RawValue>| u32::try_from(json.get().len()).unwrap_or(u32::MAX).saturating_add(128))
            .time_to_live(KEPT_FOR)
            .build();
        Self { kept, latest: Box::new(std::array::from_fn(|_| RwLock::default())) }
    }
}

impl UpdateCache {
    /// The update, if it is cached.
    pub fn get(&self, key: UpdateCacheKey) -> Option<Arc<RawValue>> {
        self.find_latest(key).or_else(|| {
            // The future waits only for the cache's housekeeping, which another call does as well.
            let json = self.kept.get(&key).now_or_never()??;
            self.put_latest(key, json.clone());
            Some(json)
        })
    }

    /// The update; if it is not cached, the result of `render`. Concurrent callers wait for the first one's.
    pub async fn get_or_render<E: Send + Sync + 'static>(
        &self,
        key: UpdateCacheKey,
        render: impl Future<Output = Result<Arc<RawValue>, E>>,
    ) -> Result<Arc<RawValue>, Arc<E>> {
        self.kept.try_get_with(key, render).await
    }

    fn find_latest(&self, key: UpdateCacheKey) -> Option<Arc<RawValue>> {
        let slot = self.slot(key).read();
        slot.as_ref().filter(|(cached, _)| *cached == key).map(|(_, json)| json.clone())
    }

    fn put_latest(&self, key: UpdateCacheKey, json: Arc<RawValue>) {
        if json.get().len() <= LATEST_MAX_BYTES {
            let mut slot = self.slot(key).write();
            *slot = Some((key, json));
        }
    }

    /// The slot of a key; successive updates have different ones.
    fn slot(&self, key: UpdateCacheKey) -> &Slot {
        let number = match key.update {
            UpdateId::Event(cursor, _) | UpdateId::Left(cursor, _) => cursor.seq().unwrap_or_default(),
            UpdateId::Version { version, .. } => version.into(),
        };
        // In range: the remainder is less than `LATEST`.
        &self.latest[number.wrapping_add(key.selection[0].into()).rem_euclid(LATEST as i64) as usize]
    }
}
