//! Live stock.

use async_graphql::{Context, ID, Subscription};
use futures_util::{Stream, StreamExt};

use super::Product;
use crate::{
    graphql::{
        error::{ApiError, ApiResult, argument_id},
        loaders::Call,
    },
    telemetry::metrics::SubscriptionField,
};

/// Subscriptions to products.
#[derive(Default)]
pub struct StockSubscription;

#[Subscription]
impl StockSubscription {
    /// The current state of these products, then the newest state of each whenever it changes. States in between may
    /// be skipped. Products that the viewer may not see are left out.
    async fn stock_updates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which products, 1 to 100.")] product_ids: Vec<ID>,
    ) -> Result<impl Stream<Item = Product> + use<>, ApiError> {
        let call = Call::of(context);
        let ids = product_ids.iter().map(|id| argument_id("productIds", id)).collect::<ApiResult<_>>()?;
        let open = async move { Ok(call.service.stock_updates(call.viewer(), ids).await?) };
        Ok(call.phase.run(SubscriptionField::Stock, open).await?.map(Product))
    }
}
