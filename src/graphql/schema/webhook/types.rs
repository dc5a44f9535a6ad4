//! The GraphQL types of webhooks.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use super::delivery::{WebhookDelivery, WebhookDeliveryConnection};
use crate::{
    domain::{self, Scope, Viewer, WebhookId},
    graphql::{
        engine::{
            document::directives::{cost, list_size},
            error::ApiResult,
            json::{DirectJson, Metered, json_enum, json_object},
            page_size::DEFAULT_PAGE_SIZE,
        },
        schema::{
            connection::{PageInfo, size},
            event::EventKind,
            id_page::{id_after, page},
            request_context::RequestContext,
            scalars::{DateTime, EventCursor},
        },
    },
};

/// How a webhook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::WebhookStatus")]
pub enum WebhookStatus {
    /// It is sent events.
    Active,
    /// It waits until somebody lets it go on.
    Paused,
    /// The last attempts have failed. It goes on trying for as long as the event log is kept.
    Failing,
    /// It has failed for longer than the event log is kept, and is sent nothing until replayWebhook gives it a new position.
    Disabled,
}

json_enum!(WebhookStatus);

/// Sends events to a URL, in the order of the event log.
#[derive(Clone)]
pub struct Webhook(pub Arc<domain::Webhook>);

impl Webhook {
    pub(super) fn cursor_text(&self) -> String {
        self.0.id.to_string()
    }
}

json_object! {
    /// Sends events to a URL, in the order of the event log: the next one not before the receiver has taken the last one.
    #[Object]
    Webhook as hook {
        /// Globally unique id.
        id: ID = ID(hook.0.id.to_string());

        /// Where events are sent.
        url: &str = &hook.0.definition.url;

        /// What it is for.
        description: Option<&str> = hook.0.definition.description.as_deref();

        /// Which events it is sent.
        kinds: Vec<EventKind> = hook.0.definition.kinds.iter().copied().map(EventKind::from).collect();

        /// The GraphQL query whose answer it is sent; null for the event itself.
        document: Option<&str> = hook.0.definition.document.as_deref();

        /// How it does.
        status: WebhookStatus = hook.0.status().into();

        /// Every event up to here was taken, or is not among its kinds.
        async fn cursor(&self, context: &Context<'_>) -> Metered<EventCursor> {
            Metered(EventCursor(RequestContext::get(context).service.webhook_position(&self.0).0))
        }

        /// How many events the log has after that, of whatever kind.
        async fn lag(&self, context: &Context<'_>) -> Metered<i32> {
            let (_, lag) = RequestContext::get(context).service.webhook_position(&self.0);
            Metered(i32::try_from(lag).unwrap_or(i32::MAX))
        }

        /// How many attempts have failed since one succeeded.
        consecutive_failures: i32 = i32::try_from(hook.0.consumer.progress.failures).unwrap_or(i32::MAX);

        /// Why the last of them failed, or why it is DISABLED.
        last_error: Option<&str> = hook.0.consumer.progress.last_error.as_deref();

        /// The last attempts, newest first: 1,000 of each webhook are kept, for as long as the event log.
        #[graphql(directive = list_size::apply(
            i32::try_from(DEFAULT_PAGE_SIZE).ok(),
            Some(vec!["first".into()]),
            Some(vec!["edges".into(), "nodes".into()]),
            Some(false)
        ))]
        async fn deliveries(
            &self,
            context: &Context<'_>,
            #[graphql(desc = "How many; 20 when not given, at most 100.")] first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        ) -> ApiResult<DirectJson<WebhookDeliveryConnection>> {
            let first = first.map_or(Ok(DEFAULT_PAGE_SIZE), |first| size("first", first))?;
            let before = id_after(after)?;
            let request = RequestContext::get(context);
            let viewer = request.viewer();
            let deliveries = request.service.webhook_deliveries(&viewer, self.0.id, before, first);
            let (found, has_more) = deliveries.await?;
            let nodes = found.into_iter().filter_map(|found| WebhookDelivery::new(request.head.log, found)).collect();
            Ok(DirectJson(WebhookDeliveryConnection { nodes, has_more, from_start: before.is_none() }))
        }

        /// Starts at 1 and grows by 1 with each change of the webhook, but not with what it is sent.
        version: i32 = hook.0.consumer.version;

        /// When it was made.
        created_at: DateTime = DateTime(hook.0.consumer.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(hook.0.consumer.updated_at);
    }
}

page!(Webhook, WebhookConnection, WebhookEdge);

/// The webhook with this id, if the viewer may see it.
pub(crate) async fn visible(request: &RequestContext, id: WebhookId) -> ApiResult<Option<Webhook>> {
    let viewer = request.viewer();
    if viewer != Viewer::Anonymous && !viewer.is_staff() && !viewer.may(Scope::ManageWebhooks) {
        return Ok(None);
    }
    Ok(request.service.webhook(&viewer, id).await?.map(|webhook| Webhook(Arc::new(webhook))))
}
