//! Making, changing and deleting webhooks.

use std::time::Duration;

use super::{
    super::{
        Result, Service, ServiceError, UserError, UserErrorCode, access, error::not_found_at, input::Checks,
        page::first_of,
    },
    attempt::make_secret,
};
use crate::{
    auth::FieldKeys,
    domain::{
        Consumer, ConsumerChanges, EventCursor, EventType, InvalidCursor, LogId, Progress, Refusal, Scope, Viewer,
        Webhook, WebhookDefinition, WebhookId, WebhookSecret,
    },
    outbound::Target,
    storage::StoreError,
};

/// The most webhooks of a deployment.
const MOST: u32 = 100;
/// How long the secret before signs, too, after it was replaced.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Attempts to change a webhook that others change at the same time.
const ATTEMPTS: u32 = 10;

/// A new webhook.
#[derive(Debug, Clone)]
pub struct CreateWebhook {
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Which events it is sent.
    pub kinds: Vec<EventType>,
    /// The GraphQL query whose answer it is sent.
    pub document: Option<String>,
    /// It is sent events after this cursor; `None` means from now on.
    pub after: Option<EventCursor>,
}

/// A change of a webhook; `None` leaves a value as it is, `Some(None)` removes it.
#[derive(Debug, Clone)]
pub struct UpdateWebhook {
    /// Which webhook.
    pub id: WebhookId,
    /// Where events are sent.
    pub url: Option<Option<String>>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// Which events it is sent.
    pub kinds: Option<Option<Vec<EventType>>>,
    /// The GraphQL query whose answer it is sent.
    pub document: Option<Option<String>>,
    /// Whether deliveries wait until it goes on.
    pub paused: Option<Option<bool>>,
    /// Only if the webhook is at this version.
    pub expected_version: Option<i32>,
}

impl Service {
    /// Staff: the webhook with this id.
    pub async fn webhook(&self, viewer: &Viewer, id: WebhookId) -> Result<Option<Webhook>> {
        access::require_webhooks(viewer)?;
        let found = self.store.consumers(&[id.to_string()]).await?.pop().flatten();
        found.map(read).transpose()
    }

    /// Staff: up to `first` webhooks after another one, oldest first, and whether there are more.
    pub async fn webhooks(
        &self,
        viewer: &Viewer,
        after: Option<WebhookId>,
        first: u32,
    ) -> Result<(Vec<Webhook>, bool)> {
        access::require_webhooks(viewer)?;
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let found = self.store.list_consumers(WebhookId::PREFIX, &after, first.saturating_add(1)).await?;
        let (found, has_more) = first_of(found, first);
        Ok((found.into_iter().map(read).collect::<Result<_>>()?, has_more))
    }

    /// The cursor after the last event that a webhook has taken, and how many entries of the log come after it.
    pub fn webhook_position(&self, webhook: &Webhook) -> (EventCursor, i64) {
        let Progress { log, position, .. } = webhook.consumer.progress;
        let log = LogId::with_key(log, self.feed.log_id().key());
        (EventCursor::after(log, position), self.feed.head().saturating_sub(position).max(0))
    }

    /// Admin: makes a webhook. Returns it with the text of its secret, which is not shown again.
    pub async fn create_webhook(&self, viewer: &Viewer, input: CreateWebhook) -> Result<(Webhook, String)> {
        access::require(viewer, Scope::ManageWebhooks)?;
        let mut checks = Checks::default();
        let description = checks.optional_line("description", input.description.as_deref());
        let kinds = check_kinds(&mut checks, input.kinds);
        self.check_url(&mut checks, &input.url).await;
        self.check_document(viewer, &mut checks, input.document.as_deref()).await;
        checks.finish()?;
        let keys = self.webhook_keys()?;
        if self.store.list_consumers(WebhookId::PREFIX, "", MOST).await?.len() >= MOST as usize {
            let message = format!("there are {MOST} webhooks already; delete one first");
            return Err(UserError::general(UserErrorCode::InvalidInput, message).into());
        }
        let progress = self.position_after(input.after).await?;
        let stamp = self.stamp(viewer)?;
        let id = WebhookId::generate(stamp.at);
        let (secret, encrypted) = make_secret(id, keys);
        let definition = WebhookDefinition {
            url: input.url,
            description,
            kinds,
            document: input.document,
            creator: stamp.actor,
            secrets: vec![WebhookSecret { encrypted, until: None }],
        };
        require_what_it_is_sent(viewer, &definition)?;
        let consumer = Consumer {
            name: id.to_string(),
            definition: serde_json::to_string(&definition).map_err(StoreError::internal)?,
            paused: false,
            version: 1,
            created_at: stamp.at,
            updated_at: stamp.at,
            progress,
        };
        self.store.insert_consumer(&consumer, stamp).await?;
        self.consumers_changed.notify_one();
        Ok((Webhook { id, definition, consumer }, secret))
    }

    /// Admin: changes a webhook, which then tries at once.
    pub async fn update_webhook(&self, viewer: &Viewer, input: UpdateWebhook) -> Result<Webhook> {
        access::require(viewer, Scope::ManageWebhooks)?;
        let mut checks = Checks::default();
        let url = checks.not_null("url", input.url);
        if let Some(url) = &url {
            self.check_url(&mut checks, url).await;
        }
        let description = input.description.map(|text| checks.optional_line("description", text.as_deref()));
        let kinds = checks.not_null("kinds", input.kinds).map(|kinds| check_kinds(&mut checks, kinds));
        let paused = checks.not_null("paused", input.paused);
        let document = input.document.as_ref().and_then(Option::as_deref);
        self.check_document(viewer, &mut checks, document).await;
        checks.finish()?;
        if url.is_none() && input.document.is_none() && description.is_none() && kinds.is_none() && paused.is_none() {
            return Err(Refusal::NothingToChange.into());
        }
        self.change_webhook(viewer, input.id, input.expected_version, |definition| {
            if let Some(url) = &url {
                definition.url.clone_from(url);
            }
            if let Some(description) = &description {
                definition.description.clone_from(description);
            }
            if let Some(document) = &input.document {
                definition.document.clone_from(document);
                // It runs with the rights of who chose it.
                definition.creator = viewer.actor();
            }
            if let Some(kinds) = &kinds {
                definition.kinds.clone_from(kinds);
            }
            ConsumerChanges { paused, ..ConsumerChanges::default() }
        })
        .await
    }

    /// Admin: deletes a webhook.
    pub async fn delete_webhook(&self, viewer: &Viewer, id: WebhookId) -> Result<()> {
        access::require(viewer, Scope::ManageWebhooks)?;
        require_what_it_is_sent(viewer, &self.webhook_to_change(id).await?.definition)?;
        let stamp = self.stamp(viewer)?;
        self.store.delete_consumer(&id.to_string(), stamp).await.map_err(not_found_at("id"))?;
        self.consumers_changed.notify_one();
        Ok(())
    }

    /// Admin: gives a webhook a new secret. The one before signs, too, for a day. Returns the text of the new one.
    pub async fn rotate_webhook_secret(&self, viewer: &Viewer, id: WebhookId) -> Result<(Webhook, String)> {
        access::require(viewer, Scope::ManageWebhooks)?;
        let (secret, encrypted) = make_secret(id, self.webhook_keys()?);
        let until = self.now().plus(OVERLAP);
        let changed = self.change_webhook(viewer, id, None, |definition| {
            definition.rotate(encrypted.clone(), until);
            ConsumerChanges::default()
        });
        Ok((changed.await?, secret))
    }

    /// Admin: sends a webhook the events after this cursor once more. New ones wait until their turn.
    pub async fn replay_webhook(&self, viewer: &Viewer, id: WebhookId, after: EventCursor) -> Result<Webhook> {
        access::require(viewer, Scope::ManageWebhooks)?;
        let restart = self.position_after(Some(after)).await?;
        self.change_webhook(viewer, id, None, |_| ConsumerChanges {
            restart: Some(restart.clone()),
            ..ConsumerChanges::default()
        })
        .await
    }

    /// The webhook with this id, for a mutation.
    pub(super) async fn webhook_to_change(&self, id: WebhookId) -> Result<Webhook> {
        let found = self.store.consumers(&[id.to_string()]).await?.pop().flatten();
        let found = found.ok_or_else(|| UserError::at(UserErrorCode::NotFound, ["id"], "does not exist"))?;
        read(found)
    }

    /// Changes a webhook as `change` says, which is called with its present definition. Without an expected version it is
    /// tried again when others change the webhook, too.
    async fn change_webhook(
        &self,
        viewer: &Viewer,
        id: WebhookId,
        expected_version: Option<i32>,
        change: impl Fn(&mut WebhookDefinition) -> ConsumerChanges,
    ) -> Result<Webhook> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Webhook { mut definition, consumer, .. } = self.webhook_to_change(id).await?;
            require_what_it_is_sent(viewer, &definition)?;
            let changes = change(&mut definition);
            require_what_it_is_sent(viewer, &definition)?;
            let definition = Some(serde_json::to_string(&definition).map_err(StoreError::internal)?);
            let changes = ConsumerChanges { definition, ..changes };
            let version = expected_version.or(Some(consumer.version));
            match self.store.change_consumer(&consumer.name, changes, version, self.stamp(viewer)?).await {
                Err(StoreError::Refused(Refusal::VersionMismatch { .. }))
                    if expected_version.is_none() && attempts < ATTEMPTS => {}
                Err(error) => return Err(not_found_at("id")(error)),
                Ok(changed) => {
                    self.consumers_changed.notify_one();
                    return read(changed);
                }
            }
        }
    }

    /// Records what is wrong with the URL of a webhook, such as an address that is not public.
    async fn check_url(&self, checks: &mut Checks, url: &str) {
        match Target::parse(url) {
            Err(fault) => checks.fault(&["url"], fault.to_string()),
            Ok(target) => {
                if let Err(fault) = self.options.webhooks.client.check(&target).await {
                    checks.fault(&["url"], fault.to_string());
                }
            }
        }
    }

    /// Records what is wrong with the document of a webhook.
    async fn check_document(&self, viewer: &Viewer, checks: &mut Checks, document: Option<&str>) {
        let Some(document) = document else { return };
        if matches!(viewer, Viewer::Key { .. }) {
            // It would run with more rights than the key has.
            return checks.fault(&["document"], "an API key can't set it; sign in as an admin");
        }
        let checked = match self.renderer.get() {
            Ok(renderer) => renderer.check(document).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = checked {
            checks.fault(&["document"], fault);
        }
    }

    /// The progress of a consumer that begins after a client's cursor, or now.
    pub(in crate::service) async fn position_after(&self, after: Option<EventCursor>) -> Result<Progress> {
        let Some(cursor) = after else {
            self.store.catch_up_log().await?;
            let state = self.store.log_state().await?;
            return Ok(Progress::after(state.log, state.head));
        };
        let at_after = |message: String| UserError::at(UserErrorCode::InvalidInput, ["after"], message);
        let (log, position) = self.resolve_cursor(cursor).await.map_err(|error| match error {
            ServiceError::CursorExpired => at_after(error.to_string()).into(),
            ServiceError::BadInput(_) => at_after(InvalidCursor.to_string()).into(),
            other => other,
        })?;
        let state = self.store.log_state().await?;
        if position < state.horizon {
            return Err(at_after("the event log no longer holds the events after this cursor".to_owned()).into());
        }
        if position > state.head {
            return Err(at_after("not a cursor of this event log".to_owned()).into());
        }
        Ok(Progress::after(log, position))
    }

    fn webhook_keys(&self) -> Result<&FieldKeys> {
        self.options.webhooks.keys.as_ref().ok_or_else(|| {
            let message = "secrets can't be stored: the operator has to set webhooks.encryption_keys";
            UserError::general(UserErrorCode::InvalidInput, message).into()
        })
    }
}

/// Requires of an API key the scopes that read what a webhook is sent: who decides where it is sent could have it sent to
/// themselves. A document runs with the rights of an admin, which no key has.
pub(super) fn require_what_it_is_sent(viewer: &Viewer, definition: &WebhookDefinition) -> Result<()> {
    if !matches!(viewer, Viewer::Key { .. }) {
        return Ok(());
    }
    if definition.document.is_some() {
        return Err(ServiceError::Forbidden(
            "an API key can't change a webhook with a document, which runs with the rights of an admin",
        ));
    }
    definition.reading_scopes().try_for_each(|scope| access::require(viewer, scope))
}

fn read(consumer: Consumer) -> Result<Webhook> {
    Webhook::try_from(consumer).map_err(|error| StoreError::internal(error).into())
}

/// The kinds, each once.
fn check_kinds(checks: &mut Checks, kinds: Vec<EventType>) -> Vec<EventType> {
    let mut distinct: Vec<EventType> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        if !distinct.contains(&kind) {
            distinct.push(kind);
        }
    }
    if distinct.is_empty() {
        checks.fault(&["kinds"], "must name at least one kind of event");
    }
    distinct
}
