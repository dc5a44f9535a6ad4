//! The consumers of relays: making them, and starting them anew.

use super::{
    super::{Result, Service, UserError, UserErrorCode, access},
    Relays,
};
use crate::{
    domain::{Consumer, ConsumerChanges, EventCursor, Progress, Refusal, Relay, Stamp, Viewer},
    storage::StoreError,
};

impl Service {
    /// Makes the consumers of the relays of this process that are new. They begin with the oldest event that the log has.
    pub async fn add_relays(&self, relays: &Relays) -> Result<()> {
        for (relay, _) in &relays.0 {
            match self.relay(*relay).await? {
                None => self.add_relay(*relay).await?,
                Some(consumer) if consumer.progress.stopped => tracing::warn!(
                    relay = relay.as_str(),
                    reason = consumer.progress.last_error,
                    "nothing is relayed until `orderwire log replay {}` says where to go on",
                    relay.as_str(),
                ),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Orderwire itself: has a relay publish the events after this cursor once more, or all that the log has. New ones wait
    /// until their turn.
    pub async fn replay_relay(&self, viewer: &Viewer, relay: Relay, after: Option<EventCursor>) -> Result<()> {
        access::require_system(viewer)?;
        let restart = match after {
            Some(_) => self.position_after(after).await?,
            None => self.oldest_position().await?,
        };
        let changes = ConsumerChanges { restart: Some(restart), ..ConsumerChanges::default() };
        match self.store.change_consumer(relay.as_str(), changes, None, self.stamp(viewer)?).await {
            Ok(_) => Ok(()),
            Err(StoreError::Refused(Refusal::NotFound)) => {
                let message =
                    format!("nothing was ever relayed to {}; a server that is set up for it begins", relay.as_str());
                Err(UserError::general(UserErrorCode::NotFound, message).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn relay(&self, relay: Relay) -> Result<Option<Consumer>> {
        Ok(self.store.consumers(&[relay.as_str().to_owned()]).await?.pop().flatten())
    }

    async fn add_relay(&self, relay: Relay) -> Result<()> {
        let at = self.now();
        let consumer = Consumer {
            name: relay.as_str().to_owned(),
            definition: String::new(),
            paused: false,
            version: 1,
            created_at: at,
            updated_at: at,
            progress: self.oldest_position().await?,
        };
        let added = self.store.insert_consumer(&consumer, Stamp::system(at)).await;
        // Another process that starts at the same time may have been faster.
        if added.is_err() && self.relay(relay).await?.is_some() {
            return Ok(());
        }
        Ok(added?)
    }

    /// The progress of a consumer that begins with the oldest event that the log has.
    async fn oldest_position(&self) -> Result<Progress> {
        let state = self.store.log_state().await?;
        Ok(Progress::after(state.log, state.horizon))
    }
}
