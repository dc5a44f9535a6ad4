//! Entities that other nodes have read, so that a node that has just started asks the database for less.
//!
//! With each comes the position of the log up to which it has every change. It is used if it has not changed between there
//! and the position that the feed has reached: the node knows the last changes. Otherwise the database is asked.
//!
//! Decision: `docs/decisions/0038-shared-cache.md`.

use serde::{Deserialize, Serialize};

use super::{cache::NearCache, cached::Cached, sources::ById, view::View};
use crate::{
    domain::{LogId, Seq},
    storage::{Result, SharedCache},
    telemetry::metrics::{CacheName, metrics},
};

/// An entity as a node has read it.
#[derive(Serialize, Deserialize)]
struct Shared<T> {
    /// It has each change of it up to this entry of the log.
    through: Seq,
    entity: T,
}

/// Names of the entities of one kind in one log.
struct Names {
    kind: &'static str,
    log: LogId,
}

impl Names {
    /// Other versions of Orderwire may have other fields.
    fn of(&self, id: impl std::fmt::Display) -> String {
        format!("{}:{:08x}:{}:{id}", env!("CARGO_PKG_VERSION"), self.log.0, self.kind)
    }

    /// What is kept of an entity; `None` if it can't be written.
    fn value<T: Cached>(&self, through: Seq, entity: &T) -> Option<(String, Vec<u8>)> {
        let value = serde_json::to_vec(&Shared { through, entity }).ok()?;
        Some((self.of(entity.id()), value))
    }
}

impl NearCache {
    /// Entities that are not in memory: those that the shared cache has as they are now, and the others from the engine.
    pub(super) async fn load_entities<T: Cached>(&self, ids: &[T::Id]) -> Result<Vec<Option<T>>> {
        let (Some(shared), Some(kind)) = (self.shared(), T::SHARED_AS) else { return self.ask::<ById<T>>(ids).await };
        // Before the engine is asked: it answers with everything up to there.
        let (log, through) = self.position();
        let names = Names { kind, log };
        let mut found = self.find_shared::<T>(shared, &names, ids).await?;
        let missing = ids.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(id, _)| *id);
        let missing: Vec<T::Id> = missing.collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let loaded = self.ask::<ById<T>>(&missing).await?;
        shared.put(loaded.iter().flatten().filter_map(|entity| names.value(through, entity)).collect());
        for (place, loaded) in found.iter_mut().filter(|found| found.is_none()).zip(loaded) {
            *place = loaded;
        }
        Ok(found)
    }

    /// What the shared cache has of these entities, as they are now.
    async fn find_shared<T: Cached>(
        &self,
        shared: &dyn SharedCache,
        names: &Names,
        ids: &[T::Id],
    ) -> Result<Vec<Option<T>>> {
        let keys: Vec<String> = ids.iter().map(|id| names.of(id)).collect();
        let values = shared.get(&keys).await.into_iter();
        let values: Vec<Option<Shared<T>>> = values.map(|value| serde_json::from_slice(&value?).ok()).collect();
        let Some(view) = self.view() else { return Ok(vec![None; ids.len()]) };
        let found =
            ids.iter().zip(values).map(|(id, value)| value.map_or(Ok(None), |value| current(&view, *id, value)));
        let found: Vec<Option<T>> = found.collect::<Result<_>>()?;
        metrics().cache_lookups.get(CacheName::Shared).inc_by(ids.len() as u64);
        let missed = found.iter().filter(|found| found.is_none()).count();
        metrics().cache_misses.get(CacheName::Shared).inc_by(missed as u64);
        Ok(found)
    }
}

/// The entity, if it has not changed since. Its bytes count for the operation.
fn current<T: Cached>(view: &View<'_>, id: T::Id, Shared { through, entity }: Shared<T>) -> Result<Option<T>> {
    if entity.id() != id || !view.is_current(&entity, through) {
        return Ok(None);
    }
    view.load(&entity)?;
    Ok(Some(entity))
}
