//! The operations. A field or a type that the schema does not have fails the build.

use cynic::{Enum, Id, InputObject, QueryFragment, QueryVariables, Scalar};

#[cynic::schema("orderwire")]
mod schema {}

#[derive(Scalar, Debug, Clone)]
pub struct CurrencyCode(pub String);

#[derive(Scalar, Debug, Clone)]
pub struct Decimal(pub String);

#[derive(Scalar, Debug, Clone)]
pub struct EventCursor(pub String);

#[derive(QueryFragment)]
pub struct UserError {
    pub message: String,
}

#[derive(QueryFragment)]
pub struct Money {
    pub amount: Decimal,
    pub currency_code: CurrencyCode,
}

// Signing in

#[derive(InputObject, Clone)]
pub struct LoginInput {
    pub email: String,
    pub password: String,
}

#[derive(QueryVariables)]
pub struct LoginVariables {
    pub input: LoginInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "LoginVariables")]
pub struct Login {
    #[arguments(input: $input)]
    pub login: AuthPayload,
}

#[derive(QueryFragment)]
pub struct AuthPayload {
    pub session: Option<Session>,
    pub user_errors: Vec<UserError>,
}

#[derive(QueryFragment)]
pub struct Session {
    pub access_token: String,
}

// Products

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query")]
pub struct Products {
    #[arguments(first: 3, filter: { inStock: true })]
    pub products: ProductConnection,
}

#[derive(QueryFragment)]
pub struct ProductConnection {
    pub nodes: Vec<Product>,
}

#[derive(QueryFragment)]
pub struct Product {
    pub id: Id,
    pub name: String,
    pub price: Money,
}

// Placing an order

#[derive(InputObject)]
pub struct OrderItemInput {
    pub product_id: Id,
    pub quantity: i32,
}

#[derive(InputObject)]
pub struct PlaceOrderInput {
    pub items: Vec<OrderItemInput>,
    pub idempotency_key: String,
}

#[derive(QueryVariables)]
pub struct PlaceOrderVariables {
    pub input: PlaceOrderInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "PlaceOrderVariables")]
pub struct PlaceOrder {
    #[arguments(input: $input)]
    pub place_order: OrderPayload,
}

#[derive(QueryFragment)]
pub struct OrderPayload {
    pub order: Option<Order>,
    pub replayed: bool,
    pub user_errors: Vec<UserError>,
}

#[derive(QueryFragment)]
pub struct Order {
    pub id: Id,
    pub number: String,
    pub status: OrderStatus,
    pub total: Money,
}

#[derive(Enum, Debug)]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
    Returned,
}

// Watching orders

#[derive(QueryVariables)]
pub struct OrderUpdatesVariables {
    pub order_id: Option<Id>,
    pub after: Option<EventCursor>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Subscription", variables = "OrderUpdatesVariables")]
pub struct OrderUpdates {
    #[arguments(orderId: $order_id, after: $after)]
    pub order_updates: OrderUpdate,
}

#[derive(QueryFragment)]
pub struct OrderUpdate {
    pub cursor: EventCursor,
    pub kind: UpdateKind,
    pub order: Order,
}

#[derive(Enum, Debug)]
pub enum UpdateKind {
    Snapshot,
    Created,
    StatusChanged,
    Updated,
    Deleted,
    Left,
}
