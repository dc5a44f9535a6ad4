//! Who the current task works for, and until when.

use tokio::time::Instant;

use crate::domain::{ClientAddress, UserId, Viewer};

/// Who work is done for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A signed-in user, on however many connections.
    User(UserId),
    /// A client that has not signed in.
    Address(ClientAddress),
    /// Orderwire itself: imports, background jobs, the feed.
    Server,
}

impl Caller {
    /// The caller of a request. An anonymous client whose address is not known counts as Orderwire itself.
    pub fn new(viewer: &Viewer, client: Option<ClientAddress>) -> Self {
        match (viewer.user_id(), client) {
            (Some(user), _) => Self::User(user),
            (None, Some(client)) if *viewer == Viewer::Anonymous => Self::Address(client),
            (None, _) => Self::Server,
        }
    }
}

#[derive(Clone, Copy)]
struct Work {
    caller: Caller,
    deadline: Option<Instant>,
}

tokio::task_local! {
    static CURRENT: Work;
}

fn current() -> Work {
    CURRENT.try_with(|work| *work).unwrap_or(Work { caller: Caller::Server, deadline: None })
}

/// The caller that this task works for now; [`Caller::Server`] unless [`run_for`] says otherwise.
pub fn current_caller() -> Caller {
    current().caller
}

/// When the work of this task is given up; `None` unless [`run_until`] says so.
pub fn deadline() -> Option<Instant> {
    current().deadline
}

/// Runs `work` for `caller`.
pub async fn run_for<T>(caller: Caller, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { caller, ..current() }, work).await
}

/// Runs `work` for `caller` without the deadline of the current task.
pub async fn run_without_deadline<T>(caller: Caller, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { caller, deadline: None }, work).await
}

/// Runs `work`, which is given up at `deadline`. The storage engines stop its reads then; the caller of this function drops
/// the work.
pub async fn run_until<T>(deadline: Instant, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Work { deadline: Some(deadline), ..current() }, work).await
}
