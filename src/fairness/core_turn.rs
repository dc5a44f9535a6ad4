//! Turns on the cores of this process, for work that keeps one busy.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    future::poll_fn,
    sync::LazyLock,
    task::{Context, Poll, ready},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{runtime::Handle, task::yield_now};

use super::{Caller, FairPermit, FairSemaphore, NoPermit, semaphore::cores};

/// One permit for each core.
static CORES: LazyLock<FairSemaphore> = LazyLock::new(|| FairSemaphore::for_cores(cores().get()));

/// The turns of one task. A caller's tasks have as many at once as half of the cores. Without turns, a hundred tasks of one
/// caller would all be ready to run at once, and each step of another caller's request would wait behind all of them.
#[derive(Default)]
pub struct CoreTurn {
    waiting: Option<BoxFuture<'static, Result<FairPermit, NoPermit>>>,
}

impl CoreTurn {
    /// Completes when the task, which works for `caller`, may go on. To be polled after each piece of work of less than a
    /// millisecond. The turn ends with the poll of the task, so a task that waits for something holds none.
    pub fn poll(&mut self, caller: Caller, cx: &mut Context<'_>) -> Poll<()> {
        let waiting = self.waiting.get_or_insert_with(|| async move { CORES.acquire(caller).await }.boxed());
        let permit = ready!(waiting.poll_unpin(cx));
        self.waiting = None;
        // Without a permit so many tasks of this caller wait that one more makes no difference.
        if let (Ok(permit), Ok(runtime)) = (permit, Handle::try_current()) {
            runtime.spawn(async move {
                // The tasks and threads that became ready meanwhile run before this caller's next task.
                yield_now().await;
                std::thread::yield_now();
                drop(permit);
            });
        }
        Poll::Ready(())
    }
}

/// Waits for a turn of [`CoreTurn`].
pub async fn core_turn(caller: Caller) {
    let mut turn = CoreTurn::default();
    poll_fn(|cx| turn.poll(caller, cx)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use super::*;
    use crate::domain::{Timestamp, UserId};

    fn caller(name: &str) -> Caller {
        Caller::User(UserId::derived(Timestamp::from_unix_millis(1), "core_turn", name))
    }

    #[tokio::test]
    async fn a_task_waits_for_the_share_of_another_caller_however_many_tasks_they_have() {
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..64 {
            let begun = begun.clone();
            tokio::spawn(async move {
                loop {
                    core_turn(caller("many")).await;
                    begun.fetch_add(1, Relaxed);
                    yield_now().await;
                }
            });
        }
        while begun.load(Relaxed) < 64 {
            yield_now().await;
        }
        for _ in 0..50 {
            let before = begun.load(Relaxed);
            yield_now().await;
            let turns = begun.load(Relaxed) - before;
            assert!(turns <= (cores().get() / 2).max(1), "{turns} turns");
        }
    }

    #[tokio::test]
    async fn a_task_that_is_not_polled_any_more_holds_no_turn() {
        for _ in 0..2 * cores().get() {
            let mut turn = CoreTurn::default();
            poll_fn(|cx| turn.poll(caller("leaves"), cx)).await;
            std::mem::forget(turn);
        }
    }
}
