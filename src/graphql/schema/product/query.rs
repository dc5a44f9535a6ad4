//! Reading products.

use async_graphql::{Context, ID, Object};

use super::{Product, ProductFilter, ProductList, ProductOrder, list, types::MAX_AGE};
use crate::{
    domain::{EntityKind, ProductId},
    graphql::{
        engine::{
            answer_reads::AnswerReads,
            document::{
                cache_control,
                directives::{cost, list_size, list_size_bound},
            },
            error::ApiResult,
        },
        schema::{
            connection::{Connection, PageArguments, PageSize},
            error::argument_id,
            request_context::RequestContext,
        },
    },
    service::feed::Topic,
};

/// Queries of products.
#[derive(Default)]
pub struct ProductQuery;

#[Object]
impl ProductQuery {
    /// A product; null when it does not exist for the viewer.
    async fn product(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The product's id.")] id: ID,
    ) -> ApiResult<Option<Product>> {
        let id: ProductId = argument_id("id", &id)?;
        AnswerReads::note(context, [Topic::Entity(EntityKind::Product, id.ulid())]);
        Ok(RequestContext::get(context).load(id).await?.map(Product))
    }

    /// The product with this SKU; null when it does not exist for the viewer.
    async fn product_by_sku(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The SKU, exactly.")] sku: String,
    ) -> ApiResult<Option<Product>> {
        // Another product may get the SKU.
        AnswerReads::note(context, [Topic::Kind(EntityKind::Product)]);
        let request = RequestContext::get(context);
        let product = request.service.product_by_sku(&request.viewer(), sku).await?;
        Ok(product.map(|product| Product(product.into())))
    }

    /// Products: the active ones, for staff all.
    #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
    #[graphql(
        directive = PageSize::apply(),
        directive = list_size_bound::apply(vec!["filter.ids".into(), "filter.skus".into()]),
        directive = cache_control::apply(Some(MAX_AGE), None)
    )]
    async fn products(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which products.")] filter: Option<ProductFilter>,
        #[graphql(desc = "In which order; when not given, by relevance for a search, else by name.")] order_by: Option<
            ProductOrder,
        >,
    ) -> ApiResult<Connection<ProductList>> {
        AnswerReads::note(context, [Topic::Kind(EntityKind::Product)]);
        let filter = filter.unwrap_or_default().into_domain()?;
        list(context, filter, order_by, PageArguments { first, after, last, before }).await
    }

    /// The products with the most units ordered in the last 30 days of data, most first: days in UTC, up to that of the newest
    /// order.
    #[graphql(
        directive = cost::apply("10".into()),
        directive = list_size::apply(None, Some(vec!["first".into()]), None, Some(false))
    )]
    async fn trending_products(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 10)] first: Option<i32>,
    ) -> ApiResult<Vec<Product>> {
        let products = RequestContext::get(context).service.trending_products(first.unwrap_or(10)).await?;
        Ok(products.into_iter().map(|product| Product(product.into())).collect())
    }
}
