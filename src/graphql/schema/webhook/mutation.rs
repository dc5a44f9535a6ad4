//! Making, changing and trying webhooks.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{delivery::WebhookDelivery, types::Webhook};
use crate::{
    domain::{self, EventType, WebhookId},
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            event::EventKind,
            request_context::RequestContext,
            scalars::EventCursor,
        },
    },
    service,
};

/// What a webhook is made from.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// Where events are sent: a URL that begins with https:// or http://, of a server with a public address.
    url: String,
    /// What it is for: one line of at most 200 characters.
    description: Option<String>,
    /// Which events it is sent: one kind at least.
    kinds: Vec<EventKind>,
    /// A GraphQL query whose answer is sent as `data`: over `event(id: $id)` with a variable `$id: ID!`. It runs with the rights
    /// that the admin who sets it has at each delivery, and costs them points like their own operations. When not given,
    /// the event itself is sent.
    document: Option<String>,
    /// It is sent the events after this cursor; when not given, those from now on.
    after: Option<EventCursor>,
}

/// A change of a webhook, of one field at least. What is left out stays. Null removes the description or the
/// document, and is INVALID_INPUT for other fields.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// Which webhook.
    id: ID,
    /// A new URL.
    url: MaybeUndefined<String>,
    /// A new description: one line of at most 200 characters; null removes it.
    description: MaybeUndefined<String>,
    /// Other kinds, in place of all old ones.
    kinds: MaybeUndefined<Vec<EventKind>>,
    /// Another document, which then runs with the rights of the viewer; null removes it.
    document: MaybeUndefined<String>,
    /// Whether it waits. Once it goes on, it is sent what it has missed.
    paused: MaybeUndefined<bool>,
    /// Only if the webhook is at this version.
    expected_version: Option<i32>,
}

/// Which webhook to delete.
#[derive(InputObject)]
pub struct DeleteWebhookInput {
    /// The webhook.
    id: ID,
}

/// Which webhook is to get a new secret.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// The webhook.
    id: ID,
}

/// Where a webhook is to go on.
#[derive(InputObject)]
pub struct ReplayWebhookInput {
    /// The webhook.
    id: ID,
    /// It is sent the events after this cursor, although it may have taken them already.
    after: EventCursor,
}

/// Which webhook to try.
#[derive(InputObject)]
pub struct TestWebhookInput {
    /// The webhook.
    id: ID,
}

/// The answer to a change of a webhook.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct WebhookPayload {
    /// The webhook; null on failure.
    webhook: Option<Webhook>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// The answer to what makes a secret.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct WebhookSecretPayload {
    /// The webhook; null on failure.
    webhook: Option<Webhook>,
    /// The secret that signs what is sent (Standard Webhooks), which is not shown again; null on failure.
    secret: Option<String>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// The answer to the deletion of a webhook.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct DeleteWebhookPayload {
    /// Id of the webhook that is gone; null on failure.
    deleted_webhook_id: Option<ID>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// The answer to a try.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct TestWebhookPayload {
    /// The attempt, which may have failed; null if none could be made.
    delivery: Option<WebhookDelivery>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl WebhookPayload {
    fn from_result(result: service::Result<domain::Webhook>) -> ApiResult<Self> {
        let (webhook, user_errors) = payload(result)?;
        Ok(Self { webhook: webhook.map(|webhook| Webhook(Arc::new(webhook))), user_errors })
    }
}

impl WebhookSecretPayload {
    fn from_result(result: service::Result<(domain::Webhook, String)>) -> ApiResult<Self> {
        let (made, user_errors) = payload(result)?;
        let (webhook, secret) = made.unzip();
        Ok(Self { webhook: webhook.map(|webhook| Webhook(Arc::new(webhook))), secret, user_errors })
    }
}

fn types(kinds: Vec<EventKind>) -> Vec<EventType> {
    kinds.into_iter().map(EventType::from).collect()
}

/// Mutations of webhooks.
#[derive(Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Admin: makes a webhook. There may be 100 of them.
    #[graphql(directive = cost::apply("100".into()))]
    async fn create_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The webhook to be.")] input: CreateWebhookInput,
    ) -> ApiResult<WebhookSecretPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let webhook = service::CreateWebhook {
            url: input.url,
            description: input.description,
            kinds: types(input.kinds),
            document: input.document,
            after: input.after.map(|cursor| cursor.0),
        };
        WebhookSecretPayload::from_result(request.service.create_webhook(&request.viewer(), webhook).await)
    }

    /// Admin: changes, pauses or resumes a webhook, which then tries at once.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which webhook, and what to change.")] input: UpdateWebhookInput,
    ) -> ApiResult<WebhookPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let update = || async {
            let change = service::UpdateWebhook {
                id: input_id("id", &input.id)?,
                url: input.url.into(),
                description: input.description.into(),
                kinds: input.kinds.map_value(types).into(),
                document: input.document.into(),
                paused: input.paused.into(),
                expected_version: input.expected_version,
            };
            request.service.update_webhook(&request.viewer(), change).await
        };
        WebhookPayload::from_result(update().await)
    }

    /// Admin: deletes a webhook with its deliveries.
    #[graphql(directive = cost::apply("100".into()))]
    async fn delete_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which webhook.")] input: DeleteWebhookInput,
    ) -> ApiResult<DeleteWebhookPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let delete = || async {
            let id: WebhookId = input_id("id", &input.id)?;
            request.service.delete_webhook(&request.viewer(), id).await.map(|()| id)
        };
        let (deleted, user_errors) = payload(delete().await)?;
        Ok(DeleteWebhookPayload { deleted_webhook_id: deleted.map(|id| ID(id.to_string())), user_errors })
    }

    /// Admin: gives a webhook a new secret. The secret before signs, too, for a day, so that the receiver has time to change.
    #[graphql(directive = cost::apply("100".into()))]
    async fn rotate_webhook_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which webhook.")] input: RotateWebhookSecretInput,
    ) -> ApiResult<WebhookSecretPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let rotate =
            || async { request.service.rotate_webhook_secret(&request.viewer(), input_id("id", &input.id)?).await };
        WebhookSecretPayload::from_result(rotate().await)
    }

    /// Admin: sends a webhook the events after a cursor once more, in order; new ones wait until their turn. It also lets a
    /// webhook go on that is DISABLED.
    #[graphql(directive = cost::apply("100".into()))]
    async fn replay_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which webhook, and from where.")] input: ReplayWebhookInput,
    ) -> ApiResult<WebhookPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let replay = || async {
            request.service.replay_webhook(&request.viewer(), input_id("id", &input.id)?, input.after.0).await
        };
        WebhookPayload::from_result(replay().await)
    }

    /// Admin: sends a webhook the newest event of its kinds, or else of any, with the header `orderwire-test`. It changes
    /// nothing of what the webhook is sent otherwise.
    #[graphql(directive = cost::apply("100".into()))]
    async fn test_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which webhook.")] input: TestWebhookInput,
    ) -> ApiResult<TestWebhookPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let test = || async { request.service.test_webhook(&request.viewer(), input_id("id", &input.id)?).await };
        let (delivery, user_errors) = payload(test().await)?;
        let delivery = delivery.and_then(|found| WebhookDelivery::new(request.head.log, found));
        Ok(TestWebhookPayload { delivery, user_errors })
    }
}
