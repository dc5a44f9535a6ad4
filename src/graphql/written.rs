//! Updates that were written for somebody, for others who get the same.

use std::{sync::Arc, time::Duration};

use async_graphql::Response;
use futures_util::FutureExt;
use moka::future::Cache;
use parking_lot::RwLock;
use serde_json::value::RawValue;

use super::live::UpdateKey;

/// How long a written update is kept: live subscribers come for it at once.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// How much of them is kept, in bytes.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// How many are kept where they are found at once.
const LATEST: usize = 256;
/// The largest of these, in bytes.
const LATEST_BYTES: usize = 16 * 1024;

/// What tells a selection from others, rights and all.
type Digest = [u8; 32];

/// An update with what is told of it.
struct Update {
    selection: Digest,
    key: UpdateKey,
    json: Arc<RawValue>,
}

/// The updates that were written lately, by the selection they were written for.
pub(super) struct Written {
    kept: Cache<(Digest, UpdateKey), Arc<RawValue>>,
    /// The last ones. Live subscribers come for the same ones at the same time, and find them here without a search.
    latest: Box<[RwLock<Option<Update>>; LATEST]>,
}

impl Default for Written {
    fn default() -> Self {
        let kept = Cache::builder()
            .max_capacity(KEPT_BYTES)
            .weigher(|_, json: &Arc<RawValue>| u32::try_from(json.get().len()).unwrap_or(u32::MAX).saturating_add(128))
            .time_to_live(KEPT_FOR)
            .build();
        Self { kept, latest: Box::new(std::array::from_fn(|_| RwLock::default())) }
    }
}

impl Written {
    /// What somebody else with this selection was sent.
    pub fn get(&self, selection: Digest, key: UpdateKey) -> Option<Arc<RawValue>> {
        self.find_latest(&selection, key).or_else(|| {
            // It waits for nothing but the cache's own upkeep, which can as well be left to others.
            let json = self.kept.get(&(selection, key)).now_or_never()??;
            self.put_latest(selection, key, json.clone());
            Some(json)
        })
    }

    /// The same, or what `write` makes of it; those who come meanwhile wait for it.
    pub async fn get_or_write(
        &self,
        selection: Digest,
        key: UpdateKey,
        write: impl Future<Output = Result<Arc<RawValue>, Response>>,
    ) -> Result<Arc<RawValue>, Arc<Response>> {
        self.kept.try_get_with((selection, key), write).await
    }

    fn find_latest(&self, selection: &Digest, key: UpdateKey) -> Option<Arc<RawValue>> {
        let slot = self.slot(selection, key).read();
        let update = slot.as_ref().filter(|update| update.key == key && update.selection == *selection);
        update.map(|update| update.json.clone())
    }

    fn put_latest(&self, selection: Digest, key: UpdateKey, json: Arc<RawValue>) {
        if json.get().len() <= LATEST_BYTES {
            let mut slot = self.slot(&selection, key).write();
            *slot = Some(Update { selection, key, json });
        }
    }

    /// Successive updates have different slots.
    fn slot(&self, selection: &Digest, key: UpdateKey) -> &RwLock<Option<Update>> {
        let number = match key {
            UpdateKey::Entry(seq) => seq,
            UpdateKey::Version(_, version) => version.into(),
        };
        // In range: the remainder is.
        &self.latest[number.wrapping_add(selection[0].into()).rem_euclid(LATEST as i64) as usize]
    }
}
