//! One attempt to deliver an event to a webhook.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    super::payload,
    signature::{secret_text, signatures},
};
use crate::{
    auth::FieldKeys,
    domain::{Clock, Delivery, DeliveryId, Event, EventCursor, EventId, Timestamp, Webhook, WebhookId, WebhookSecret},
    outbound::{Client, Connection, Request, Target},
};

/// The field of a webhook that is encrypted.
pub(super) const SECRET: &str = "secret";

/// What sends deliveries of one webhook.
pub(super) struct Sender {
    webhook: WebhookId,
    target: Target,
    client: Client,
    /// The secrets, with the time until which each signs.
    secrets: Vec<(Vec<u8>, Option<Timestamp>)>,
}

/// What a delivery says beside its event.
#[derive(Clone, Copy)]
pub(super) struct About {
    /// The cursor of the event.
    pub cursor: EventCursor,
    /// The event that was delivered before it.
    pub previous: Option<EventId>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Whether somebody asked for it to try the webhook.
    pub is_test: bool,
}

impl Sender {
    /// Reads what the webhook needs. Fails if its URL or its secrets can't be used.
    pub(super) fn new(webhook: &Webhook, client: Client, keys: Option<&FieldKeys>) -> Result<Self, String> {
        let target = Target::parse(&webhook.definition.url).map_err(|fault| format!("the URL {fault}"))?;
        let keys = keys.ok_or("webhooks.encryption_keys is not set, so that the secret can't be decrypted")?;
        let name = webhook.id.to_string();
        let decrypt = |secret: &WebhookSecret| {
            let text = keys.decrypt(&name, SECRET, &secret.encrypted);
            text.map(|text| (text, secret.until)).map_err(|fault| format!("the secret can't be decrypted: {fault}"))
        };
        let secrets = webhook.definition.secrets.iter().map(decrypt).collect::<Result<_, _>>()?;
        Ok(Self { webhook: webhook.id, target, client, secrets })
    }

    /// Sends an event, and says how that went; `next_attempt_at` is left out. `data` is what the document of the webhook makes
    /// of the event, if it has one.
    pub(super) async fn send(
        &self,
        connection: &mut Connection,
        (event, data): (&Event, Option<Result<Value, String>>),
        about: About,
        clock: &dyn Clock,
    ) -> Delivery {
        let (at, began) = (clock.now(), Instant::now());
        let (status, error) = match self.request(event, about, at, data) {
            Ok(request) => match self.client.post(connection, &self.target, &request).await {
                Ok(answer) if answer.status.is_success() => (Some(answer.status), None),
                Ok(answer) if answer.status.is_redirection() => {
                    (Some(answer.status), Some(format!("answered {}; redirects are not followed", answer.status)))
                }
                Ok(answer) => (Some(answer.status), Some(format!("answered {}", answer.status))),
                Err(error) => (None, Some(error.to_string())),
            },
            Err(fault) => (None, Some(fault)),
        };
        Delivery {
            id: DeliveryId::generate(at),
            webhook: self.webhook,
            event: event.id,
            attempt: about.attempt,
            status: status.map(|status| status.as_u16()),
            duration_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            error,
            at,
            next_attempt_at: None,
        }
    }

    fn request(
        &self,
        event: &Event,
        about: About,
        at: Timestamp,
        data: Option<Result<Value, String>>,
    ) -> Result<Request, String> {
        let kind = event.event_type().ok_or("the event is not for webhooks")?;
        let data = match data {
            Some(data) => data.map_err(|fault| format!("the document failed: {fault}"))?,
            None => payload::data(event, kind, about.cursor),
        };
        let occurred_at = event.occurred_at.to_string();
        let body = json!({ "type": payload::event_name(kind), "timestamp": occurred_at, "data": data });
        let body = body.to_string().into_bytes();
        let (id, timestamp) = (event.id.to_string(), at.unix_millis().div_euclid(1000));
        let signing = self.secrets.iter().filter(|(_, until)| until.is_none_or(|until| at < until));
        let secrets: Vec<Vec<u8>> = signing.map(|(secret, _)| secret.clone()).collect();
        let signature = signatures(&secrets, &id, timestamp, &body).map_err(|fault| fault.to_string())?;
        let text = |text: &str| HeaderValue::from_str(text).map_err(|fault| fault.to_string());
        let own = HeaderName::from_static;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("Orderwire/", env!("CARGO_PKG_VERSION"))));
        headers.insert(own("webhook-id"), text(&id)?);
        headers.insert(own("webhook-timestamp"), timestamp.into());
        headers.insert(own("webhook-signature"), text(&signature)?);
        headers.insert(own("orderwire-cursor"), text(&about.cursor.to_string())?);
        if let Some(previous) = about.previous {
            headers.insert(own("orderwire-previous-id"), text(&previous.to_string())?);
        }
        if about.is_test {
            headers.insert(own("orderwire-test"), HeaderValue::from_static("true"));
        }
        Ok(Request { headers, body: body.into() })
    }
}

/// A new secret: its text for the receiver, and what is stored of it.
pub(super) fn make_secret(webhook: WebhookId, keys: &FieldKeys) -> (String, String) {
    let secret = super::signature::new_secret();
    let encrypted = keys.encrypt(&webhook.to_string(), SECRET, &secret);
    (secret_text(&secret), encrypted)
}
