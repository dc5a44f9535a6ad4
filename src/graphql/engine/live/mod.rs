//! Live subscriptions: each update is executed and serialised once for all subscribers that get the same result.
//!
//! A subscriber is not a running operation but a position in the event feed. Opening one runs its document like any
//! other, except that the root field's resolver hands over its stream of updates instead of a value
//! ([`ExecutionMode::Subscribe`]). Each update is then an execution of its own, in which the same resolver returns that
//! update ([`ExecutionMode::Render`]). The result is cached briefly under the update and everything it depends on
//! ([`selection::Selection`]): of all subscribers with the same selection only the first executes, the others wait for
//! it. A subscriber that catches up on old events finds nothing there and executes for itself, in turns with others
//! ([`catch_up`]).
//!
//! No state is carried from one event to the next, so nothing gets stale, and an idle subscriber costs little memory.
//!
//! Decision: `docs/decisions/0006-updates-are-executed-once.md`.

mod catch_up;
mod result;
mod selection;
mod subscriptions;
mod update;
mod update_cache;

pub use result::{BoxResultStream, ExecutionResult, ResultBody, ResultStream, results};
pub use subscriptions::{LiveSubscriptions, resolve};
pub use update::{LiveUpdate, UpdateId};

#[cfg(doc)]
use subscriptions::ExecutionMode;
