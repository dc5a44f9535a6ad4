//! Webhooks: consumers of the event log that send each entry to a URL.
//!
//! Decision: `docs/decisions/0033-webhooks.md`.

use serde::{Deserialize, Serialize};

use super::{
    Consumer, ConsumerChanges, DeliveryId, EntityKind, EventId, EventType, InvalidId, Scope, Timestamp, UserId,
    WebhookId, declare::text_enum,
};

/// Failures in a row after which a webhook counts as failing.
const FAILING_AFTER: u32 = 3;

text_enum! {
    /// How a webhook does.
    pub enum WebhookStatus {
        /// It is sent events.
        Active => "ACTIVE",
        /// It waits until somebody lets it go on.
        Paused => "PAUSED",
        /// The last attempts have failed; it goes on trying.
        Failing => "FAILING",
        /// It has failed for longer than the log is kept, and is sent nothing until it is given a new position.
        Disabled => "DISABLED",
    }
}

/// A secret that signs what a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// The secret, encrypted, as the code that signs reads it.
    pub encrypted: String,
    /// Until when it signs; `None` for the newest one.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// What a webhook does, as its consumer stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDefinition {
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Which events it is sent; never empty.
    pub kinds: Vec<EventType>,
    /// The GraphQL query whose answer it is sent.
    #[serde(default)]
    pub document: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub creator: Option<UserId>,
    /// The secrets that sign, the newest one first.
    pub secrets: Vec<WebhookSecret>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What it does.
    pub definition: WebhookDefinition,
    /// Its version, progress and times.
    pub consumer: Consumer,
}

/// A consumer is no webhook, or one that a newer version has stored.
#[derive(Debug, thiserror::Error)]
#[error("the consumer {0:?} is no webhook that this version can read")]
pub struct NoWebhook(pub String);

impl TryFrom<Consumer> for Webhook {
    type Error = NoWebhook;

    fn try_from(consumer: Consumer) -> Result<Self, NoWebhook> {
        let id: Result<WebhookId, InvalidId> = consumer.name.parse();
        let definition = serde_json::from_str(&consumer.definition);
        match (id, definition) {
            (Ok(id), Ok(definition)) => Ok(Self { id, definition, consumer }),
            _ => Err(NoWebhook(consumer.name)),
        }
    }
}

impl Webhook {
    /// How it does.
    pub fn status(&self) -> WebhookStatus {
        let Consumer { paused, progress, .. } = &self.consumer;
        match () {
            () if progress.stopped => WebhookStatus::Disabled,
            () if *paused => WebhookStatus::Paused,
            () if progress.failures >= FAILING_AFTER => WebhookStatus::Failing,
            () => WebhookStatus::Active,
        }
    }
}

impl WebhookDefinition {
    /// The change that makes a webhook do this.
    pub fn change(&self) -> serde_json::Result<ConsumerChanges> {
        Ok(ConsumerChanges { definition: Some(serde_json::to_string(self)?), ..ConsumerChanges::default() })
    }

    /// Puts a new secret in front of the one that signs now, which signs, too, until a time. Those before it sign no more.
    pub fn rotate(&mut self, encrypted: String, until: Timestamp) {
        let newest = self.secrets.drain(..).next();
        self.secrets.push(WebhookSecret { encrypted, until: None });
        self.secrets.extend(newest.map(|before| WebhookSecret { until: Some(until), ..before }));
    }

    /// The scopes that allow to read what the webhook is sent without a document.
    pub fn reading_scopes(&self) -> impl Iterator<Item = Scope> {
        self.kinds.iter().map(|kind| match kind.entity_kind() {
            EntityKind::Order => Scope::ReadOrders,
            EntityKind::Task => Scope::ReadTasks,
            EntityKind::Product => Scope::ReadProducts,
            EntityKind::User | EntityKind::Rights => Scope::ReadUsers,
        })
    }

    /// The secrets that sign at a time, the newest first.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &WebhookSecret> {
        self.secrets.iter().filter(move |secret| secret.until.is_none_or(|until| now < until))
    }
}

/// An attempt to deliver an event to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id; later attempts have larger ones.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event.
    pub event: EventId,
    /// 1 for the first attempt of the event.
    pub attempt: u32,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// When the next attempt is due, if it failed.
    pub next_attempt_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LogId, Progress};

    fn webhook() -> Webhook {
        let at = Timestamp::from_unix_millis(1);
        let definition = WebhookDefinition {
            url: "https://example.com".to_owned(),
            description: None,
            kinds: vec![EventType::OrderPlaced],
            document: None,
            creator: None,
            secrets: vec![WebhookSecret { encrypted: "a".to_owned(), until: None }],
        };
        let consumer = Consumer {
            name: WebhookId::generate(at).to_string(),
            definition: serde_json::to_string(&definition).unwrap(),
            paused: false,
            version: 1,
            created_at: at,
            updated_at: at,
            progress: Progress::after(LogId::new(1), 0),
        };
        Webhook::try_from(consumer).unwrap()
    }

    #[test]
    fn the_status_says_the_worst() {
        let status = |paused: bool, failures: u32, stopped: bool| {
            let mut webhook = webhook();
            webhook.consumer.paused = paused;
            webhook.consumer.progress.failures = failures;
            webhook.consumer.progress.stopped = stopped;
            webhook.status()
        };
        assert_eq!(status(false, 2, false), WebhookStatus::Active);
        assert_eq!(status(false, 3, false), WebhookStatus::Failing);
        assert_eq!(status(true, 3, false), WebhookStatus::Paused);
        assert_eq!(status(true, 3, true), WebhookStatus::Disabled);
    }

    #[test]
    fn two_secrets_sign_while_one_is_rotated() {
        let mut definition = webhook().definition;
        let time = Timestamp::from_unix_millis;
        let signing = |definition: &WebhookDefinition, at: i64| {
            definition.secrets_at(time(at)).map(|secret| secret.encrypted.clone()).collect::<Vec<_>>()
        };
        definition.rotate("b".to_owned(), time(100));
        assert_eq!(signing(&definition, 99), ["b", "a"]);
        assert_eq!(signing(&definition, 100), ["b"]);
        definition.rotate("c".to_owned(), time(200));
        assert_eq!(signing(&definition, 99), ["c", "b"]);
    }

    #[test]
    fn other_consumers_are_no_webhooks() {
        let consumer = webhook().consumer;
        for (name, definition) in [("kafka", consumer.definition.as_str()), (consumer.name.as_str(), "{}")] {
            let other = Consumer { name: name.to_owned(), definition: definition.to_owned(), ..consumer.clone() };
            assert!(Webhook::try_from(other).is_err());
        }
    }
}
