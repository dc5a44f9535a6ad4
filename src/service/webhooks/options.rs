//! What webhooks need from outside.

use std::{fmt, time::Duration};

use crate::{
    auth::FieldKeys,
    outbound::{AddressPolicy, Client},
};

/// What webhooks need from outside.
#[derive(Clone)]
pub struct WebhookOptions {
    /// Sends deliveries.
    pub client: Client,
    /// Encrypts secrets; without keys there can be no webhooks.
    pub keys: Option<FieldKeys>,
}

impl Default for WebhookOptions {
    /// Only public addresses, and a key that this process alone has.
    fn default() -> Self {
        let client = Client::new(AddressPolicy::default(), Duration::from_secs(10));
        Self { client, keys: Some(FieldKeys::random()) }
    }
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookOptions").field("client", &self.client).finish_non_exhaustive()
    }
}
