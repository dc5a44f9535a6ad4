//! What an event is about, as the interface `Node`.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};

use crate::graphql::schema::{order::Order, product::Product, task::Task, user::User};

/// What an event is about, or a change of metadata has changed. In the schema it is the interface `Node`, which the root declares, because events are nodes, too.
pub enum EventEntity {
    /// An order.
    Order(Order),
    /// A product.
    Product(Product),
    /// A task.
    Task(Task),
    /// A user.
    User(User),
}

impl OutputType for EventEntity {
    fn type_name() -> Cow<'static, str> {
        "Node".into()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        match self {
            Self::Order(order) => order.introspection_type_name(),
            Self::Product(product) => product.introspection_type_name(),
            Self::Task(task) => task.introspection_type_name(),
            Self::User(user) => user.introspection_type_name(),
        }
    }

    /// Declares nothing: `Query.node` declares the interface.
    fn create_type_info(_: &mut Registry) -> String {
        Self::qualified_type_name()
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Self::Order(order) => order.resolve(context, field).await,
            Self::Product(product) => product.resolve(context, field).await,
            Self::Task(task) => task.resolve(context, field).await,
            Self::User(user) => user.resolve(context, field).await,
        }
    }
}
