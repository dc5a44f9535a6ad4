//! `POST /orders`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Shop,
    auth::Customer,
    bodies::Money,
    documents::{Order, binary, id_of, id_text},
    placement::{Line, OrderRequest},
};

/// Region of an order that names none.
const UNSPECIFIED_REGION: &str = "Unspecified";
const MAX_LINES: usize = 100;
const MAX_QUANTITY: i32 = 1_000_000;
const MAX_TEXT: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceOrder {
    items: Vec<InputLine>,
    region: Option<String>,
    payment_reference: Option<String>,
    idempotency_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InputLine {
    product_id: String,
    quantity: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlacedBody {
    id: String,
    number: String,
    status: String,
    total: Money,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Refusal {
    Unauthenticated,
    BadInput(&'static str),
    NotFound,
    ProductNotFound,
    InsufficientStock,
    MixedCurrencies,
    TotalOutOfRange,
    IdempotencyKeyReused,
    /// The database does not keep up or cannot be reached.
    Unavailable,
    /// A fault of this server, or of the data.
    Internal,
}

/// Places an order and answers with it. The same idempotency key gives the same order.
pub async fn place_order(
    State(shop): State<Arc<Shop>>,
    customer: Customer,
    input: Result<Json<PlaceOrder>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Ok(Json(input)) = input else { return Err(Refusal::BadInput("the body must be a JSON object of an order")) };
    let order = shop.store.place(&check(input, &customer)?).await?;
    let body = body(order).ok_or(Refusal::Internal)?;
    Ok((StatusCode::CREATED, Json(json!({ "order": body }))).into_response())
}

fn check(input: PlaceOrder, customer: &Customer) -> Result<OrderRequest, Refusal> {
    if input.items.is_empty() || input.items.len() > MAX_LINES {
        return Err(Refusal::BadInput("items must have 1 to 100 lines"));
    }
    let mut lines: Vec<Line> = Vec::with_capacity(input.items.len());
    for InputLine { product_id, quantity } in &input.items {
        if !(1..=MAX_QUANTITY).contains(quantity) {
            return Err(Refusal::BadInput("quantity must be between 1 and 1000000"));
        }
        let product = id_of("prd_", product_id).ok_or(Refusal::BadInput("productId is not the id of a product"))?;
        match lines.iter_mut().find(|line| line.product == product) {
            Some(line) => line.quantity += quantity,
            None => lines.push(Line { product, quantity: *quantity }),
        }
    }
    let is_text = |text: &str| !text.trim().is_empty() && text.len() <= MAX_TEXT;
    let texts = [Some(&input.idempotency_key), input.region.as_ref(), input.payment_reference.as_ref()];
    if !texts.into_iter().flatten().all(|text| is_text(text)) {
        return Err(Refusal::BadInput("idempotencyKey, region and paymentReference must have 1 to 200 bytes"));
    }
    Ok(OrderRequest {
        customer: binary(&customer.0.to_bytes()),
        region: input.region.unwrap_or_else(|| UNSPECIFIED_REGION.to_owned()),
        payment_reference: input.payment_reference,
        lines,
        idempotency_key: input.idempotency_key,
    })
}

fn body(order: Order) -> Option<PlacedBody> {
    Some(PlacedBody {
        id: id_text("ord_", &order.id)?,
        number: order.number,
        status: order.status,
        total: Money::new(order.total, order.currency),
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            Self::BadInput(_) => (StatusCode::BAD_REQUEST, "BAD_INPUT"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::ProductNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "PRODUCT_NOT_FOUND"),
            Self::InsufficientStock => (StatusCode::CONFLICT, "INSUFFICIENT_STOCK"),
            Self::MixedCurrencies => (StatusCode::UNPROCESSABLE_ENTITY, "MIXED_CURRENCIES"),
            Self::TotalOutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "TOTAL_OUT_OF_RANGE"),
            Self::IdempotencyKeyReused => (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        };
        let message = if let Self::BadInput(message) = self { Some(message) } else { None };
        (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
    }
}
