//! Loading products, and lists of them: filter, sorting, pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject};

use super::types::{Product, ProductStatus};
use crate::{
    domain::{self, Direction, ProductFields, ProductSort, Sort, text},
    graphql::{
        engine::{
            document::directives::cost,
            error::{ApiError, ApiResult},
            page_size::MAX_PAGE_SIZE,
        },
        schema::{
            connection::{Connection, List, PageArguments, node_field_selected, sort_or},
            error::argument_id,
            loaders::{Count, load_entity, load_list},
            metadata::MetadataFilter,
            request_context::RequestContext,
            scalars::Decimal,
            search::search_terms,
            sort::OrderDirection,
        },
    },
    service::ProductQuery,
};

load_entity!(domain::ProductId => domain::Product, products);
load_list!(ProductQuery, domain::ProductFilter => domain::Product, list_products, count_products);

/// Which products. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct ProductFilter {
    /// Only with all these words in name, SKU or description, whatever their case, accents and order. A blank text is no
    /// condition, and one without a letter or digit finds nothing. At most 16 words.
    #[graphql(directive = cost::apply("10".into()))]
    search: Option<String>,
    /// Only these; at most 100.
    ids: Option<Vec<ID>>,
    /// Only these; at most 100.
    skus: Option<Vec<String>>,
    /// Only with this label.
    tag: Option<String>,
    /// Only with this status; without it staff get both.
    status: Option<ProductStatus>,
    /// Only with stock (true) or without (false).
    in_stock: Option<bool>,
    /// Only at this price or above.
    min_price: Option<Decimal>,
    /// Only at this price or below.
    max_price: Option<Decimal>,
    /// Only with this metadata; for those who are not staff, with this public metadata.
    metadata: Option<MetadataFilter>,
}

impl ProductFilter {
    pub(crate) fn into_domain(self) -> ApiResult<domain::ProductFilter> {
        let most = MAX_PAGE_SIZE as usize;
        for (name, len) in [("ids", self.ids.as_ref().map(Vec::len)), ("skus", self.skus.as_ref().map(Vec::len))] {
            if len.is_some_and(|len| len > most) {
                return Err(ApiError::bad_input(format!("filter.{name}: at most {most}")));
            }
        }
        let ids = self.ids.map(|ids| ids.iter().map(|id| argument_id("filter.ids", id)).collect::<ApiResult<_>>());
        Ok(domain::ProductFilter {
            search: search_terms(self.search.as_deref())?,
            ids: ids.transpose()?,
            skus: self.skus.map(|skus| skus.iter().flat_map(|sku| text::spellings(sku)).collect()),
            tag: self.tag.map(|tag| text::line(&tag).unwrap_or(tag)),
            status: self.status.map(domain::ProductStatus::from),
            in_stock: self.in_stock,
            min_price: self.min_price.map(|price| price.0),
            max_price: self.max_price.map(|price| price.0),
            metadata: self.metadata.map(MetadataFilter::into_domain).transpose()?,
        })
    }
}

/// How products are sorted.
#[derive(InputObject)]
pub struct ProductOrder {
    /// By what.
    field: ProductOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What products can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ProductSort")]
pub enum ProductOrderField {
    /// When the product was made.
    CreatedAt,
    /// The name, upper and lower case alike.
    Name,
    /// The price, whatever the currency.
    Price,
    /// Units on hand.
    Stock,
    /// How well it fits filter.search, which has to be given; DESC has the best first.
    Relevance,
}

/// Lists of products.
pub struct ProductList;

impl List for ProductList {
    type Row = domain::Product;
    type Node = Product;
    type Sort = ProductSort;
    type Filter = domain::ProductFilter;

    const LETTER: u8 = b'p';

    fn node(row: Arc<domain::Product>) -> Product {
        Product(row)
    }

    async fn count(context: &Context<'_>, filter: domain::ProductFilter) -> ApiResult<u64> {
        Ok(RequestContext::get(context).load_always(Count(filter)).await?)
    }
}

/// A page of products, reading descriptions only when they are selected.
pub(crate) async fn list(
    context: &Context<'_>,
    filter: domain::ProductFilter,
    order_by: Option<ProductOrder>,
    page: PageArguments,
) -> ApiResult<Connection<ProductList>> {
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = match &filter.search {
        Some(_) => sort_or(chosen, ProductSort::Relevance, Direction::Desc),
        None => sort_or(chosen, ProductSort::Name, Direction::Asc),
    };
    if sort.field == ProductSort::Relevance && filter.search.is_none() {
        return Err(ApiError::bad_input("orderBy.field: RELEVANCE needs words in filter.search"));
    }
    let fields = ProductFields { description: node_field_selected(context, "description") };
    Connection::load(context, filter, sort, fields, page).await
}
