//! Changing products.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::Product;
use crate::{
    domain,
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            request_context::RequestContext,
            scalars::{CurrencyCode, Decimal},
        },
    },
    service,
};

/// What a product is made from.
#[derive(InputObject)]
pub struct CreateProductInput {
    /// Unique stock keeping unit: one line of at most 200 characters, all of them visible.
    sku: String,
    /// Display name: one line of at most 200 characters.
    name: String,
    /// Longer text of at most 65,536 bytes (UTF-8).
    description: Option<String>,
    /// Price of one unit, not negative.
    price: Decimal,
    /// Currency of the price; GBP when not given.
    currency_code: Option<CurrencyCode>,
    /// Units on hand; 0 when not given.
    stock: Option<i32>,
    /// Free labels: at most 50, each one line of at most 200 characters.
    tags: Option<Vec<String>>,
}

/// A change of a product, of one field at least. What is left out stays. Null removes a value that can be removed, and
/// is INVALID_INPUT for other fields.
#[derive(InputObject)]
pub struct UpdateProductInput {
    /// Which product.
    id: ID,
    /// A new name: one line of at most 200 characters.
    name: MaybeUndefined<String>,
    /// A new description of at most 65,536 bytes (UTF-8); null removes it.
    description: MaybeUndefined<String>,
    /// A new price.
    price: MaybeUndefined<Decimal>,
    /// New labels, in place of all old ones: at most 50, each one line of at most 200 characters.
    tags: MaybeUndefined<Vec<String>>,
    /// Only if the product is at this version.
    expected_version: Option<i32>,
}

/// A correction of a product's stock.
#[derive(InputObject)]
pub struct AdjustStockInput {
    /// Which product.
    product_id: ID,
    /// Units to add, or to take when negative.
    delta: i32,
    /// Why, in one line of at most 200 characters.
    reason: Option<String>,
    /// A text of the client's choice that makes the call safe to repeat: one line of at most 200
    /// characters.
    idempotency_key: Option<String>,
}

/// Which product to take off sale.
#[derive(InputObject)]
pub struct ArchiveProductInput {
    /// The product.
    id: ID,
    /// Only if the product is at this version.
    expected_version: Option<i32>,
}

/// The answer to a change of a product.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct ProductPayload {
    /// The product; null on failure.
    product: Option<Product>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl ProductPayload {
    fn from_result(result: service::Result<domain::Product>) -> ApiResult<Self> {
        let (product, user_errors) = payload(result)?;
        Ok(Self { product: product.map(|product| Product(product.into())), user_errors })
    }
}

/// Mutations of products.
#[derive(Default)]
pub struct ProductMutation;

#[Object]
impl ProductMutation {
    /// Staff: adds a product.
    #[graphql(directive = cost::apply("100".into()))]
    async fn create_product(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The product to be.")] input: CreateProductInput,
    ) -> ApiResult<ProductPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let product = domain::NewProduct {
            sku: input.sku,
            name: input.name,
            description: input.description,
            price: input.price.0,
            currency: input.currency_code.map_or(domain::CurrencyCode::GBP, |code| code.0),
            stock: input.stock.unwrap_or(0),
            tags: input.tags.unwrap_or_default(),
        };
        ProductPayload::from_result(request.service.create_product(&request.viewer(), product).await)
    }

    /// Staff: changes a product. Values that the product has already make no new version and no update.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_product(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which product, and what to change.")] input: UpdateProductInput,
    ) -> ApiResult<ProductPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let update = || async {
            let change = service::UpdateProduct {
                id: input_id("id", &input.id)?,
                name: input.name.into(),
                description: input.description.into(),
                price: input.price.map_value(|price| price.0).into(),
                tags: input.tags.into(),
                expected_version: input.expected_version,
            };
            request.service.update_product(&request.viewer(), change).await
        };
        ProductPayload::from_result(update().await)
    }

    /// Staff: corrects the stock of a product.
    #[graphql(directive = cost::apply("100".into()))]
    async fn adjust_stock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which product, and by how much.")] input: AdjustStockInput,
    ) -> ApiResult<ProductPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let adjust = || async {
            let adjustment = service::AdjustStock {
                product: input_id("productId", &input.product_id)?,
                delta: input.delta,
                reason: input.reason,
                idempotency_key: input.idempotency_key,
            };
            request.service.adjust_stock(&request.viewer(), adjustment).await
        };
        ProductPayload::from_result(adjust().await)
    }

    /// Staff: takes a product off sale. Orders that name it keep their lines. A product that is archived already stays
    /// as it is.
    #[graphql(directive = cost::apply("100".into()))]
    async fn archive_product(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which product.")] input: ArchiveProductInput,
    ) -> ApiResult<ProductPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let archive = || async {
            request.service.archive_product(&request.viewer(), input_id("id", &input.id)?, input.expected_version).await
        };
        ProductPayload::from_result(archive().await)
    }
}
