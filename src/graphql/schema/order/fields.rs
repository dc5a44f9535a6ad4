//! The fields of orders, their lines and their history.

use async_graphql::{Context, ID, Object};

use super::{
    lines::Lines,
    types::{Order, OrderEvent, OrderItem, OrderStatus},
};
use crate::{
    domain::Scope,
    graphql::{
        engine::{
            document::directives::list_size,
            error::{ApiError, ApiResult},
            json::{DirectJson, Metered, json_object},
        },
        schema::{
            connection::{Connection, PageArguments, PageSize},
            metadata::{Items, items, private_items},
            money::Money,
            product::Product,
            request_context::RequestContext,
            scalars::{DateTime, EventCursor},
            task::{self, TaskFilter, TaskList, TaskOrder},
            user::{self, User},
        },
    },
};

json_object! {
    /// A customer's purchase.
    #[Object]
    Order as order {
        /// Globally unique id.
        id: ID = ID(order.0.id.to_string());

        /// Unique number that people use.
        number: &str = &order.0.number;

        /// Where it goes.
        region: &str = &order.0.region;

        /// Whose it is.
        async fn customer(&self, context: &Context<'_>) -> ApiResult<DirectJson<User>> {
            user::participant(context, self.0.customer).await
        }

        /// The lines, frozen when the order was placed.
        #[graphql(directive = list_size::apply(Some(20), None, None, None))]
        async fn items(&self, context: &Context<'_>) -> ApiResult<DirectJson<Vec<OrderItem>>> {
            let products = if context.look_ahead().field("product").exists() {
                RequestContext::get(context).load(Lines(self.0.clone())).await?
            } else {
                None
            };
            let item = |index: usize| {
                let product = products.as_ref().and_then(|products| products.get(index)?.clone());
                OrderItem { order: self.0.clone(), index, product }
            };
            Ok(DirectJson((0..self.0.items.len()).map(item).collect()))
        }

        /// Sum of the line totals.
        total: DirectJson<Money> = DirectJson(Money(order.0.money()));

        /// Where it is in its life.
        status: OrderStatus = order.0.status.into();

        /// The states that may follow the present one.
        allowed_transitions: Vec<OrderStatus> =
            order.0.status.allowed_transitions().iter().map(|status| OrderStatus::from(*status)).collect();

        /// What happened to it, oldest first.
        #[graphql(directive = list_size::apply(Some(5), None, None, None))]
        history: DirectJson<Vec<OrderEvent>> = DirectJson(order.0.history.iter().cloned().map(OrderEvent).collect());

        /// The buyer's reference to a payment, as given.
        payment_reference: Option<&str> = order.0.payment_reference.as_deref();

        /// The tasks about it that the viewer may see.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
        #[graphql(directive = PageSize::apply())]
        async fn tasks(
            &self,
            context: &Context<'_>,
            #[graphql(
                desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
            )]
            first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
            #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
            #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
            #[graphql(desc = "Which tasks.")] filter: Option<TaskFilter>,
            #[graphql(desc = "In which order; newest first when not given.")] order_by: Option<TaskOrder>,
        ) -> ApiResult<Connection<TaskList>> {
            let mut filter = filter.unwrap_or_default().into_domain()?;
            if filter.order.is_some_and(|order| order != self.0.id) {
                return Err(ApiError::bad_input("filter.orderId: this list has the tasks of its own order only"));
            }
            filter.order = Some(self.0.id);
            Box::pin(task::list(context, filter, order_by, PageArguments { first, after, last, before })).await
        }

        /// What integrations keep with it, for everyone who sees it; at most 50 items, sorted by key.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        metadata: Items = items(&order.0.metadata.public);

        /// What integrations keep with it, for staff; at most 50 items. Empty for others.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        async fn private_metadata(&self, context: &Context<'_>) -> Items {
            private_items(context, &self.0.metadata.private, Scope::ReadOrders)
        }

        /// Starts at 1 and grows by 1 with each change.
        version: i32 = order.0.version;

        /// When the customer placed it.
        placed_at: DateTime = DateTime(order.0.placed_at);

        /// When it was recorded.
        created_at: DateTime = DateTime(order.0.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(order.0.updated_at);
    }
}

json_object! {
    /// A line of an order: SKU, name and price are those of the moment the order was placed.
    #[Object(serial)]
    OrderItem as line {
        /// The product as it is now; null when it is no longer there for the viewer.
        product: Option<Product> = line.product.clone().map(Product);
        /// The product's SKU then.
        sku: &str = &line.item().sku;
        /// The product's name then.
        name: &str = &line.item().name;
        /// How many.
        quantity: i32 = line.item().quantity;
        /// Price of one then.
        unit_price: Money = line.money(line.item().unit_price);
        /// Quantity times unit price.
        line_total: Money = line.money(line.item().line_total);
    }
}

json_object! {
    /// One step in an order's life.
    #[Object]
    OrderEvent as event {
        /// The step's place in the event log.
        async fn cursor(&self, context: &Context<'_>) -> Metered<EventCursor> {
            Metered(EventCursor(RequestContext::get(context).service.cursor_of_event(self.0.event)))
        }

        /// The state before; null when the order was placed.
        from: Option<OrderStatus> = event.0.from.map(OrderStatus::from);

        /// The state after.
        to: OrderStatus = event.0.to.into();

        /// Who did it; null for the system, and for people the viewer may not see.
        async fn actor(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<User>>> {
            user::visible(context, self.0.actor).await
        }

        /// Why, as given.
        reason: Option<&str> = event.0.reason.as_deref();

        /// When.
        occurred_at: DateTime = DateTime(event.0.at);
    }
}
