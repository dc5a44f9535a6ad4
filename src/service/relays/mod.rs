//! Relays: consumers of the event log that publish every event to a broker of the operator's, as a CloudEvent.
//!
//! Decision: `docs/decisions/0036-brokers.md`.

mod manage;
mod message;
mod sink;

use std::sync::Arc;

use crate::{domain::Relay, outbound::Broker};

/// The brokers that this process relays to.
#[derive(Clone, Default)]
pub struct Relays(Vec<(Relay, Arc<dyn Broker>)>);

impl Relays {
    /// Relays to these brokers.
    pub fn new(brokers: Vec<(Relay, Arc<dyn Broker>)>) -> Self {
        Self(brokers)
    }

    /// The names of the consumers that this process has no broker for. It must leave them to others.
    pub fn missing(&self) -> Vec<String> {
        let missing = Relay::ALL.into_iter().filter(|relay| self.broker(*relay).is_none());
        missing.map(|relay| relay.as_str().to_owned()).collect()
    }

    fn broker(&self, relay: Relay) -> Option<&Arc<dyn Broker>> {
        self.0.iter().find(|(found, _)| *found == relay).map(|(_, broker)| broker)
    }
}
