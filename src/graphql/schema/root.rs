//! The root types: each merges the fields of the entities.

use async_graphql::{MergedObject, MergedSubscription};

use super::{event, node, order, product, task, user};

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    user::UserQuery,
    product::ProductQuery,
    order::OrderQuery,
    task::TaskQuery,
    event::EventQuery,
);

/// Everything that can be changed. Expected failures are told in userErrors, anything else is a GraphQL error.
#[derive(MergedObject, Default)]
pub struct Mutation(
    user::AccountMutation,
    user::TicketMutation,
    user::UserMutation,
    product::ProductMutation,
    order::OrderMutation,
    task::TaskMutation,
);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(order::OrderSubscription, task::TaskSubscription, product::StockSubscription);
