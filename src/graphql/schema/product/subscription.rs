//! Live stock.

use std::sync::Arc;

use async_graphql::{Context, ID, Subscription};
use futures_util::{Stream, StreamExt};

use super::Product;
use crate::{
    domain::{self, EventCursor},
    graphql::{
        engine::{
            document::directives::{list_size, list_size_bound},
            error::{ApiError, ApiResult},
            live::{self, LiveUpdate, UpdateId},
        },
        schema::{error::argument_id, request_context::RequestContext},
    },
};

impl LiveUpdate for Arc<domain::Product> {
    fn cursor(&self) -> Option<EventCursor> {
        None
    }

    fn cursor_before(&self) -> Option<EventCursor> {
        None
    }

    fn id(&self) -> Option<UpdateId> {
        Some(UpdateId::Version { entity: self.id.ulid(), version: self.version })
    }
}

/// Subscriptions to products.
#[derive(Default)]
pub struct StockSubscription;

#[Subscription]
impl StockSubscription {
    /// The current state of these products, then the newest state of each whenever it changes. States in between may
    /// be skipped. Products that the viewer may not see are left out; a product that is archived is sent once more, with
    /// the status ARCHIVED, to everyone.
    #[graphql(
        directive = list_size::apply(Some(100), None, None, None),
        directive = list_size_bound::apply(vec!["productIds".into()])
    )]
    async fn stock_updates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which products, 1 to 100.")] product_ids: Vec<ID>,
    ) -> Result<impl Stream<Item = Product> + use<>, ApiError> {
        let request = RequestContext::get(context);
        let ids = product_ids.iter().map(|id| argument_id("productIds", id)).collect::<ApiResult<_>>()?;
        let open = async move { Ok(request.service.stock_updates(request.viewer(), ids).await?) };
        Ok(live::resolve(context, "stockUpdates", product_ids.len(), open).await?.map(Product))
    }
}
