//! Storage of attempts to deliver events to webhooks.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{Delivery, DeliveryId, WebhookId};

/// The attempts that are kept of each webhook, the newest ones.
pub const KEPT_DELIVERIES: usize = 1000;

/// Stores attempts to deliver events. Those of a webhook go with its consumer, those older than the log with the log, and those
/// beyond [`KEPT_DELIVERIES`] with newer ones, some later.
#[async_trait]
pub trait DeliveryStore {
    /// Adds attempts of one webhook.
    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<()>;
    /// Up to `limit` attempts of a webhook before another one, the newest first.
    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>>;
}

instrument!(DeliveryStore {
    fn insert_deliveries(deliveries: &[Delivery]) -> (), batch deliveries;
    fn list_deliveries(webhook: WebhookId, before: Option<DeliveryId>, limit: u32) -> Vec<Delivery>;
});
