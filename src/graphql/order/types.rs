//! Orders, their lines and history, and lists of them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::{
    domain::{self, Direction, OrderFields, OrderSort, Sort},
    graphql::{
        connection::{Connection, List, PageArguments, node_field_selected, sort_or},
        cursor::ListTag,
        error::{ApiError, ApiResult, argument_id},
        loaders::{Call, Count, Lines},
        plain::{Plain, plain_enum, plain_object},
        product::Product,
        scalars::{CurrencyCode, DateTime, Decimal, EventCursor},
        task::{self, TaskFilter, TaskList, TaskOrder},
        user::{self, User},
    },
    service,
};

/// An amount of money.
pub struct Money(pub domain::Money);

plain_object! {
    /// An amount of money.
    #[Object(serial)]
    Money as money {
        /// How much, exactly.
        amount: Decimal = Decimal(money.0.amount);
        /// In which currency.
        currency_code: CurrencyCode = CurrencyCode(money.0.currency);
    }
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OrderStatus")]
pub enum OrderStatus {
    /// Placed; its stock is taken. Can become CONFIRMED or CANCELLED.
    Pending,
    /// Accepted. Can become SHIPPED or CANCELLED.
    Confirmed,
    /// On its way. Can become DELIVERED.
    Shipped,
    /// With the customer. Can become RETURNED.
    Delivered,
    /// Ended before it was shipped; its stock is back.
    Cancelled,
    /// Sent back by the customer; its stock is back.
    Returned,
}

plain_enum!(OrderStatus);

/// A customer's purchase.
pub struct Order(pub Arc<domain::Order>);

plain_object! {
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
        async fn customer(&self, context: &Context<'_>) -> ApiResult<Plain<User>> {
            user::participant(context, self.0.customer).await
        }

        /// The lines, frozen when the order was placed.
        async fn items(&self, context: &Context<'_>) -> ApiResult<Plain<Vec<OrderItem>>> {
            let products = if context.look_ahead().field("product").exists() {
                Call::of(context).load(Lines(self.0.clone())).await?
            } else {
                None
            };
            let item = |index: usize| {
                let product = products.as_ref().and_then(|products| products.get(index)?.clone());
                OrderItem { order: self.0.clone(), index, product }
            };
            Ok(Plain((0..self.0.items.len()).map(item).collect()))
        }

        /// Sum of the line totals.
        total: Plain<Money> = Plain(Money(order.0.money()));

        /// Where it is in its life.
        status: OrderStatus = order.0.status.into();

        /// The states that may follow the present one.
        allowed_transitions: Vec<OrderStatus> =
            order.0.status.allowed_transitions().iter().map(|status| OrderStatus::from(*status)).collect();

        /// What happened to it, oldest first.
        history: Plain<Vec<OrderEvent>> = Plain(order.0.history.iter().cloned().map(OrderEvent).collect());

        /// The buyer's reference to a payment, as given.
        payment_reference: Option<&str> = order.0.payment_reference.as_deref();

        /// The tasks about it that the viewer may see.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
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

/// A line of an order.
pub struct OrderItem {
    order: Arc<domain::Order>,
    index: usize,
    /// Looked up only when it is selected.
    product: Option<Arc<domain::Product>>,
}

impl OrderItem {
    fn item(&self) -> &domain::OrderItem {
        // Invariant: made by `Order::items` with an index of its own items.
        &self.order.items[self.index]
    }

    fn money(&self, amount: domain::Decimal) -> Money {
        Money(domain::Money { amount, currency: self.order.currency })
    }
}

plain_object! {
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

/// One step in an order's life.
pub struct OrderEvent(domain::HistoryEntry);

plain_object! {
    /// One step in an order's life.
    #[Object]
    OrderEvent as event {
        /// The step's place in the event log.
        async fn cursor(&self, context: &Context<'_>) -> EventCursor {
            EventCursor(Call::of(context).service.cursor(self.0.seq))
        }

        /// The state before; null when the order was placed.
        from: Option<OrderStatus> = event.0.from.map(OrderStatus::from);

        /// The state after.
        to: OrderStatus = event.0.to.into();

        /// Who did it; null for the system, and for people the viewer may not see.
        async fn actor(&self, context: &Context<'_>) -> ApiResult<Option<Plain<User>>> {
            user::visible(context, self.0.actor).await
        }

        /// Why, as given.
        reason: Option<&str> = event.0.reason.as_deref();

        /// When.
        occurred_at: DateTime = DateTime(event.0.at);
    }
}

/// Which orders. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct OrderFilter {
    /// Only this customer's.
    customer_id: Option<ID>,
    /// Only in one of these states.
    status: Option<Vec<OrderStatus>>,
    /// Only to this region, exactly as written.
    region: Option<String>,
    /// Only placed at this time or later.
    placed_after: Option<DateTime>,
    /// Only placed before this time.
    placed_before: Option<DateTime>,
    /// Only with a line of this product.
    product_id: Option<ID>,
}

impl OrderFilter {
    pub(in crate::graphql) fn into_domain(self) -> ApiResult<domain::OrderFilter> {
        Ok(domain::OrderFilter {
            customer: self.customer_id.map(|id| argument_id("filter.customerId", &id)).transpose()?,
            statuses: self.status.map(|statuses| statuses.into_iter().map(domain::OrderStatus::from).collect()),
            region: self.region,
            placed_after: self.placed_after.map(|time| time.0),
            placed_before: self.placed_before.map(|time| time.0),
            product: self.product_id.map(|id| argument_id("filter.productId", &id)).transpose()?,
        })
    }
}

/// How orders are sorted.
#[derive(InputObject)]
pub struct OrderOrder {
    /// By what.
    field: OrderOrderField,
    /// Which way.
    direction: crate::graphql::OrderDirection,
}

/// What orders can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OrderSort")]
pub enum OrderOrderField {
    /// When the customer placed it.
    PlacedAt,
    /// The total, whatever the currency.
    Total,
}

/// Lists of orders.
pub struct OrderList;

impl List for OrderList {
    type Row = domain::Order;
    type Node = Plain<Order>;
    type Sort = OrderSort;
    type Filter = domain::OrderFilter;

    fn tag(sort: Sort<OrderSort>) -> ListTag {
        ListTag { list: b'o', field: sort.field.cursor_tag(), direction: sort.direction }
    }

    fn node(row: Arc<domain::Order>) -> Plain<Order> {
        Plain(Order(row))
    }

    async fn count(context: &Context<'_>, filter: domain::OrderFilter) -> ApiResult<u64> {
        Ok(Call::of(context).load(Count(filter)).await?.unwrap_or_default())
    }
}

/// A page of orders, reading only the costly parts that are selected.
pub(in crate::graphql) async fn list(
    context: &Context<'_>,
    filter: domain::OrderFilter,
    order_by: Option<OrderOrder>,
    page: PageArguments,
) -> ApiResult<Connection<OrderList>> {
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, OrderSort::PlacedAt, Direction::Desc);
    let fields =
        OrderFields { items: node_field_selected(context, "items"), history: node_field_selected(context, "history") };
    let query = service::OrderQuery { filter: filter.clone(), sort, slice: page.slice::<OrderList>(sort)?, fields };
    let page = Call::of(context).load(query).await?.unwrap_or_default();
    Ok(Connection::new(&page, filter, sort))
}
