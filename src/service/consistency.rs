//! Reads that see what a client has written, on whichever node.
//!
//! Decision: `docs/decisions/0026-near-cache.md`.

use super::{Result, Service, ServiceError};
use crate::{
    domain::{ClockOffset, ConsistencyToken, EventCursor},
    storage::{Epoch, OwnChanges, one_operation, uncached},
};

/// What a client's message about its token begins with.
const NAME: &str = "orderwire-consistency";

/// Where reads find what a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAt {
    /// Anywhere on this node.
    Anywhere,
    /// In the database: this node has not heard of it in time.
    Database,
}

impl ReadAt {
    /// Runs `reads`, which are those of one operation, so that they find it.
    pub async fn run<T>(self, reads: impl Future<Output = T>) -> T {
        match self {
            Self::Anywhere => one_operation(reads).await,
            Self::Database => one_operation(uncached(reads)).await,
        }
    }
}

impl Service {
    /// The token of a mutation that has ended.
    pub fn consistency_token(&self) -> ConsistencyToken {
        let log = self.feed.log_id();
        let OwnChanges { logged, unnumbered } = self.store.own_changes();
        let cursor = EventCursor::after(log, logged.max(self.feed.head()));
        ConsistencyToken { cursor, node: self.node, at: self.now(), is_logged: unnumbered.is_empty() }
    }

    /// Waits until reads on this node see what a token stands for, a second at most.
    /// Errors: `BadInput` for a token of another deployment or from the future.
    pub async fn wait_for(&self, token: &ConsistencyToken) -> Result<ReadAt> {
        let log = self.feed.log_id();
        if token.cursor.log != log {
            return match self.store.epoch(token.cursor.log).await? {
                Epoch::Unknown => Err(refused("this token is of another deployment")),
                // What it stood for may be lost; this is as new as there is.
                Epoch::Retired | Epoch::Current => Ok(ReadAt::Database),
            };
        }
        let seq = token.seq(log);
        if seq < 0 {
            return Err(refused("this token is of another deployment"));
        }
        let now = self.now();
        if token.at > now.plus(ClockOffset::BETWEEN_NODES) {
            return Err(refused("this token is from the future"));
        }
        let is_known = seq <= self.feed.head();
        // This node holds back its own writes until it has heard of them, and everybody's are there after a while.
        let is_seen = token.is_logged || token.node == self.node || token.at < now.minus(ClockOffset::BETWEEN_NODES);
        if is_known && is_seen {
            return Ok(ReadAt::Anywhere);
        }
        let is_caught_up = self.feed.caught_up().await;
        if is_known || seq <= self.feed.head() {
            return Ok(if is_caught_up { ReadAt::Anywhere } else { ReadAt::Database });
        }
        if seq > self.store.log_state().await?.head {
            return Err(refused("this token is from the future"));
        }
        Ok(ReadAt::Database)
    }
}

fn refused(why: &str) -> ServiceError {
    ServiceError::BadInput(format!("{NAME}: {why}; send one exactly as a mutation of this server has answered it"))
}
