//! A wrapper that records metrics of every call to a store.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Result, StoreError};
use crate::telemetry::{metrics, operation};

/// What runs before a call of a store, with the name of the method.
pub type BeforeCall = Arc<dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync>;

/// How often each storage method was called, and what runs before each call. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct CallCounts {
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    before: Arc<Mutex<Option<BeforeCall>>>,
}

impl CallCounts {
    async fn begin(&self, method: &'static str) {
        *self.lock().entry(method).or_default() += 1;
        let before = self.before.lock().clone();
        if let Some(before) = before {
            before(method).await;
        }
    }

    /// Runs `before` ahead of every further call, so that a test can change something between two calls.
    pub fn run_before(&self, before: BeforeCall) {
        *self.before.lock() = Some(before);
    }

    /// The counts since the last call of `take`, by method name.
    pub fn take(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.counts.lock()
    }
}

/// Delegates to an engine and measures each call. `instrument!` implements the storage traits for it.
pub struct Instrumented<S: ?Sized> {
    pub(super) inner: Arc<S>,
    pub(super) engine: &'static str,
    pub(super) counts: Option<CallCounts>,
}

impl<S: ?Sized> Instrumented<S> {
    /// Measures `call`, which is a call of the engine's `method`.
    pub(super) async fn observe<T>(&self, method: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        if let Some(counts) = &self.counts {
            counts.begin(method).await;
        }
        operation::count_storage_call();
        let started = Instant::now();
        let result = call.await;
        let outcome = result.as_ref().err().map_or("ok", StoreError::outcome);
        metrics().storage_calls.with_labels([self.engine, method, outcome]).inc();
        metrics().storage_call_duration.with_labels([self.engine, method]).observe(started.elapsed().as_secs_f64());
        result
    }
}

/// Implements a storage trait for [`Instrumented`]: each method delegates to the engine's. `batch ARGUMENT` also records
/// how many keys or queries the call has. `stores CLOSURE` gives the bytes that a change has stored, of its answer; every
/// method that changes something for an operation has it.
macro_rules! instrument {
    ($trait:ident { $(
        fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty $(, batch $batch:ident)? $(, stores $stores:expr)?;
    )* }) => {
        #[async_trait]
        impl<S: $trait + Send + Sync + ?Sized> $trait for $crate::storage::instrumented::Instrumented<S> {
            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$answer> {
                    $(
                        let batch_size = &$crate::telemetry::metrics().storage_batch_size;
                        batch_size.with_labels([stringify!($name)]).observe($batch.len() as f64);
                    )?
                    let answer = self.observe(stringify!($name), self.inner.$name($($arg),*)).await?;
                    $(
                        let stored: fn(&$answer) -> usize = $stores;
                        $crate::telemetry::operation::count_stored(stored(&answer));
                    )?
                    Ok(answer)
                }
            )*
        }
    };
}
pub(super) use instrument;
