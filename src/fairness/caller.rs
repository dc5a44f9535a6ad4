//! Who the current task works for, until when, and what counts its reads.

use std::sync::Arc;

use tokio::time::Instant;

use super::meter::ReadMeter;
use crate::domain::{ApiKeyId, ClientAddress, UserId, Viewer};

/// Who work is done for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A signed-in user, on however many connections.
    User(UserId),
    /// A machine with this API key, on however many connections.
    Key(ApiKeyId),
    /// A client that has not signed in.
    Address(ClientAddress),
    /// Orderwire itself: imports, background jobs, the feed.
    Server,
}

impl Caller {
    /// The caller of a request. An anonymous client whose address is not known counts as Orderwire itself.
    pub fn new(viewer: &Viewer, client: Option<ClientAddress>) -> Self {
        match (Self::known(viewer), client) {
            (Some(known), _) => known,
            (None, Some(client)) if *viewer == Viewer::Anonymous => Self::Address(client),
            (None, _) => Self::Server,
        }
    }

    /// The user or API key of a viewer; `None` for anonymous viewers and Orderwire itself.
    pub fn known(viewer: &Viewer) -> Option<Self> {
        match viewer {
            Viewer::User { id, .. } => Some(Self::User(*id)),
            Viewer::Key { id, .. } => Some(Self::Key(*id)),
            Viewer::Anonymous | Viewer::System => None,
        }
    }
}

#[derive(Clone)]
struct Work {
    caller: Caller,
    deadline: Option<Instant>,
    meter: Option<Arc<dyn ReadMeter>>,
}

tokio::task_local! {
    static CURRENT: Work;
}

/// The caller that this task works for now; [`Caller::Server`] unless [`run_for`] says otherwise.
pub fn current_caller() -> Caller {
    CURRENT.try_with(|work| work.caller).unwrap_or(Caller::Server)
}

/// When the work of this task is given up; `None` unless [`run_until`] says so.
pub fn deadline() -> Option<Instant> {
    CURRENT.try_with(|work| work.deadline).ok().flatten()
}

/// What counts the reads of this task; `None` unless [`run_metered`] says so.
pub fn read_meter() -> Option<Arc<dyn ReadMeter>> {
    CURRENT.try_with(|work| work.meter.clone()).ok().flatten()
}

/// Runs `work` for `caller`. Nothing counts its reads.
pub async fn run_for<T>(caller: Caller, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { caller, deadline: deadline(), meter: None }, work).await
}

/// Runs `work` for `caller`, whose reads `meter` counts.
pub async fn run_metered<T>(caller: Caller, meter: Arc<dyn ReadMeter>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { caller, deadline: deadline(), meter: Some(meter) }, work).await
}

/// Runs `work` for `caller` without the deadline of the current task. Nothing counts its reads.
pub async fn run_without_deadline<T>(caller: Caller, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { caller, deadline: None, meter: None }, work).await
}

/// Runs `work`, which is given up at `deadline`. The storage engines stop its reads then; the caller of this function drops
/// the work.
pub async fn run_until<T>(deadline: Instant, work: impl Future<Output = T>) -> T {
    let work_until = Work { caller: current_caller(), deadline: Some(deadline), meter: read_meter() };
    CURRENT.scope(work_until, work).await
}
