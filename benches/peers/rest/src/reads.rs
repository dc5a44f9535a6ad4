//! `GET /products/{id}`, `GET /products` and `GET /me/orders`. Nothing is cached.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Binary, doc},
    error::Error,
};
use serde::Deserialize;

use crate::{
    Shop,
    auth::Customer,
    bodies::{OrderBody, OrdersBody, PageInfo, ProductBody, ProductsBody},
    documents::{ListedOrder, ListedProduct, Product, binary, id_of},
    routes::Refusal,
    store::Store,
};

const DEFAULT_PAGE: usize = 20;
const MAX_PAGE: usize = 100;
const ID_BYTES: usize = 16;

/// What a list takes from its query string.
#[derive(Deserialize)]
pub struct PageQuery {
    first: Option<usize>,
    after: Option<String>,
}

/// The place of a product in the catalogue, which is sorted by name.
struct Position {
    name_key: String,
    id: Binary,
}

/// A product that is on sale.
pub async fn product(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Result<Json<ProductBody>, Refusal> {
    let id = id_of("prd_", &id).ok_or(Refusal::NotFound)?;
    let found = shop.store.product(id).await?.ok_or(Refusal::NotFound)?;
    Ok(Json(ProductBody::new(found).ok_or(Refusal::Internal)?))
}

/// One page of the products that are on sale.
pub async fn products(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ProductsBody>, Refusal> {
    let first = query.size()?;
    let invalid = Refusal::BadInput("after is not a cursor of this list");
    let after = query.after.map(|text| Position::read(&text).ok_or(invalid)).transpose()?;
    let mut rows = shop.store.products_by_name(first + 1, after).await?;
    let has_next_page = rows.len() > first;
    rows.truncate(first);
    let end_cursor = rows.last().map(|last| Position::of(last).text());
    let nodes = rows.into_iter().map(ProductBody::new).collect::<Option<_>>().ok_or(Refusal::Internal)?;
    Ok(Json(ProductsBody { nodes, page_info: PageInfo { has_next_page, end_cursor } }))
}

/// The customer's newest orders with their products.
pub async fn my_orders(
    State(shop): State<Arc<Shop>>,
    Customer(customer): Customer,
    Query(query): Query<PageQuery>,
) -> Result<Json<OrdersBody>, Refusal> {
    let orders = shop.store.newest_orders(binary(&customer.to_bytes()), query.size()?).await?;
    let products = shop.store.products_in(&orders).await?;
    let by_id = products.iter().map(|product| (product.id.bytes.as_slice(), product)).collect();
    let nodes = orders.into_iter().map(|order| OrderBody::new(order, &by_id)).collect::<Option<_>>();
    Ok(Json(OrdersBody { nodes: nodes.ok_or(Refusal::Internal)? }))
}

impl PageQuery {
    fn size(&self) -> Result<usize, Refusal> {
        let first = self.first.unwrap_or(DEFAULT_PAGE);
        if first <= MAX_PAGE { Ok(first) } else { Err(Refusal::BadInput("first must be at most 100")) }
    }
}

impl Position {
    fn of(product: &ListedProduct) -> Self {
        Self { name_key: product.name_key.clone(), id: product.id.clone() }
    }

    fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([self.id.bytes.as_slice(), self.name_key.as_bytes()].concat())
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, name_key) = bytes.split_at_checked(ID_BYTES)?;
        Some(Self { name_key: String::from_utf8(name_key.to_vec()).ok()?, id: binary(id) })
    }
}

impl Store {
    async fn product(&self, id: Binary) -> Result<Option<ListedProduct>, Error> {
        // By the id alone: MongoDB plans no such query.
        let found = self.listed_products.find_one(doc! { "_id": id }).projection(ListedProduct::fields()).await?;
        Ok(found.filter(|product| product.status == Product::ON_SALE))
    }

    async fn products_by_name(&self, limit: usize, after: Option<Position>) -> Result<Vec<ListedProduct>, Error> {
        let mut condition = doc! { "status": Product::ON_SALE };
        if let Some(Position { name_key, id }) = after {
            // The first condition is where the walk of the index begins.
            condition.insert("name_key", doc! { "$gte": &name_key });
            condition.insert("$or", vec![doc! { "name_key": { "$gt": name_key } }, doc! { "_id": { "$gt": id } }]);
        }
        let find = self.listed_products.find(condition).projection(ListedProduct::fields());
        find.sort(doc! { "name_key": 1, "_id": 1 }).limit(limit as i64).await?.try_collect().await
    }

    async fn newest_orders(&self, customer: Binary, limit: usize) -> Result<Vec<ListedOrder>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let find = self.listed_orders.find(doc! { "customer": customer }).projection(ListedOrder::fields());
        find.sort(doc! { "placed_at": -1, "_id": -1 }).limit(limit as i64).await?.try_collect().await
    }

    /// The products of these orders, each once.
    async fn products_in(&self, orders: &[ListedOrder]) -> Result<Vec<ListedProduct>, Error> {
        let items = orders.iter().flat_map(|order| &order.items);
        let ids: HashSet<&[u8]> = items.map(|item| item.product.bytes.as_slice()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Binary> = ids.into_iter().map(binary).collect();
        // One more than can be found, so that one reply holds all of them.
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        let find = self.listed_products.find(doc! { "_id": { "$in": ids } }).projection(ListedProduct::fields());
        find.batch_size(batch).await?.try_collect().await
    }
}
