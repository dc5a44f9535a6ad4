//! Webhooks: consumers of the event log that send each event to a URL, signed, in the order of the log.
//!
//! Decision: `docs/decisions/0033-webhooks.md`.

mod attempt;
mod deliveries;
mod document;
mod manage;
mod options;
mod renderer;
mod signature;
mod sink;

pub use deliveries::DeliveryOfEvent;
pub use manage::{CreateWebhook, UpdateWebhook};
pub use options::WebhookOptions;
pub use renderer::PayloadRenderer;
pub(super) use renderer::RendererCell;
