//! Turns of subscribers who catch up with many updates.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use crate::fairness::{Caller, CoreTurn};

/// How many updates in a row a subscriber is given without a turn. One who keeps up waits after each update.
const WITHOUT_TURN: u32 = 8;
/// How long a turn takes.
const TURN: Duration = Duration::from_millis(1);

/// Whether a subscriber catches up, and its turn.
#[derive(Default)]
pub struct CatchUp {
    /// Updates since the subscriber last waited for one.
    in_a_row: u32,
    turn: CoreTurn,
    turn_ends: Option<Instant>,
}

impl CatchUp {
    /// Completes when the subscriber, who is of this caller, may be given an update.
    pub fn poll_turn(&mut self, caller: Caller, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_a_row >= WITHOUT_TURN && self.turn_ends.is_none_or(|end| Instant::now() >= end) {
            ready!(self.turn.poll(caller, cx));
            self.turn_ends = Some(Instant::now() + TURN);
        }
        Poll::Ready(())
    }

    /// The subscriber is given an update.
    pub fn delivered(&mut self) {
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    /// The subscriber waits for the next update.
    pub fn caught_up(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_subscriber_needs_turns_from_some_updates_in_a_row_on_until_it_waits() {
        let mut subscriber = CatchUp::default();
        let mut without_turn = async || {
            for _ in 0..WITHOUT_TURN {
                let polled = poll_fn(|cx| subscriber.poll_turn(Caller::Server, cx)).now_or_never();
                assert_eq!((polled, subscriber.turn_ends), (Some(()), None));
                subscriber.delivered();
            }
            poll_fn(|cx| subscriber.poll_turn(Caller::Server, cx)).await;
            assert!(subscriber.turn_ends.take().is_some());
            subscriber.caught_up();
        };
        without_turn().await;
        without_turn().await;
    }
}
