//! Reading webhooks.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::types::{Webhook, WebhookConnection};
use crate::graphql::{
    engine::{document::directives::list_size, error::ApiResult, json::DirectJson, page_size::DEFAULT_PAGE_SIZE},
    schema::{connection::size, error::argument_id, id_page::id_after, request_context::RequestContext},
};

/// Queries of webhooks.
#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// Staff: the webhook with this id; null when it does not exist.
    async fn webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: ID,
    ) -> ApiResult<Option<DirectJson<Webhook>>> {
        let request = RequestContext::get(context);
        let found = request.service.webhook(&request.viewer(), argument_id("id", &id)?).await?;
        Ok(found.map(|webhook| DirectJson(Webhook(Arc::new(webhook)))))
    }

    /// Staff: webhooks, oldest first.
    #[graphql(directive = list_size::apply(
        i32::try_from(DEFAULT_PAGE_SIZE).ok(),
        Some(vec!["first".into()]),
        Some(vec!["edges".into(), "nodes".into()]),
        Some(false)
    ))]
    async fn webhooks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many; 20 when not given, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
    ) -> ApiResult<DirectJson<WebhookConnection>> {
        let first = first.map_or(Ok(DEFAULT_PAGE_SIZE), |first| size("first", first))?;
        let after = id_after(after)?;
        let request = RequestContext::get(context);
        let (found, has_more) = request.service.webhooks(&request.viewer(), after, first).await?;
        let nodes = found.into_iter().map(|webhook| Webhook(Arc::new(webhook))).collect();
        Ok(DirectJson(WebhookConnection { nodes, has_more, from_start: after.is_none() }))
    }
}
