//! Use cases of orders.

mod updates;

use super::{
    Result, Service, UserError, UserErrorCode, access,
    access::fetch_visible,
    error::not_found_at,
    fingerprint,
    idempotency::owner_of_keys,
    input::{Checks, MAX_ORDER_LINES, MAX_QUANTITY},
};
use crate::{
    domain::{
        Idempotency, NewOrder, Order, OrderFilter, OrderId, OrderLine, OrderStatus, Page, ProductId, Refusal, Scope,
        StatusChange, Timestamp, UniqueKey, UserId, Viewer,
    },
    storage::{OrderQuery, StoreError},
};

/// Region of an order if neither the order nor its customer has one.
const UNSPECIFIED_REGION: &str = "Unspecified";

/// One line of an order as the buyer sends it.
#[derive(Debug, Clone, Copy)]
pub struct OrderInputLine {
    /// The product to buy.
    pub product: ProductId,
    /// Units to buy, from 1 to [`MAX_QUANTITY`].
    pub quantity: i32,
}

/// Input of [`Service::place_order`].
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// The lines; lines of one product are summed.
    pub items: Vec<OrderInputLine>,
    /// Region that the order is sent to; `None` means the buyer's region.
    pub region: Option<String>,
    /// The buyer's reference to a payment.
    pub payment_reference: Option<String>,
    /// Identifies the request, so that repeating it returns the same order.
    pub idempotency_key: String,
}

/// A placed order.
#[derive(Debug, Clone)]
pub struct OrderResult {
    /// The order as it was placed.
    pub order: Order,
    /// Whether an earlier call with the same key placed it.
    pub replayed: bool,
}

/// A status change by staff: input of [`Service::update_order_status`].
#[derive(Debug, Clone)]
pub struct UpdateOrderStatus {
    /// The order to change.
    pub order: OrderId,
    /// The new status.
    pub status: OrderStatus,
    /// The reason, kept in the history of the order.
    pub reason: Option<String>,
    /// Only if the order is at this version.
    pub expected_version: Option<i32>,
}

/// The cancellation of an order that is not shipped yet.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    /// The order to change.
    pub order: OrderId,
    /// The reason, kept in the history of the order.
    pub reason: Option<String>,
    /// Only if the order is at this version.
    pub expected_version: Option<i32>,
}

impl Service {
    /// The orders with these ids that the viewer may see.
    pub async fn orders(&self, viewer: &Viewer, ids: &[OrderId]) -> Result<Vec<Option<Order>>> {
        access::require_authenticated(viewer)?;
        let orders = self.store.orders_by_ids(ids).await?;
        Ok(orders.into_iter().map(|order| order.filter(|order| viewer.sees_order(order))).collect())
    }

    /// The order with this number, if the viewer may see it.
    pub async fn order_by_number(&self, viewer: &Viewer, number: String) -> Result<Option<Order>> {
        access::require_authenticated(viewer)?;
        let order = self.store.orders_by_numbers(&[number]).await?.pop().flatten();
        Ok(order.filter(|order| viewer.sees_order(order)))
    }

    /// A page for each query, of what the viewer may see.
    pub async fn list_orders(&self, viewer: &Viewer, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>> {
        access::require_own_or(viewer, Scope::ReadOrders)?;
        let scoped = queries
            .iter()
            .map(|query| Some(OrderQuery { filter: scope(viewer, query.filter.clone())?, ..query.clone() }))
            .collect();
        fetch_visible(scoped, Page::empty, async |queries| self.store.list_orders(queries).await).await
    }

    /// How many orders each filter lets the viewer see.
    pub async fn count_orders(&self, viewer: &Viewer, filters: &[OrderFilter]) -> Result<Vec<u64>> {
        access::require_own_or(viewer, Scope::ReadOrders)?;
        let scoped = filters.iter().map(|filter| scope(viewer, filter.clone())).collect();
        fetch_visible(scoped, || 0, async |filters| self.store.count_orders(filters).await).await
    }

    /// Places an order for the viewer; that of an API key is its creator's.
    pub async fn place_order(&self, viewer: &Viewer, input: PlaceOrder) -> Result<OrderResult> {
        let customer = access::require_actor(viewer, Scope::WriteOrders)?;
        let mut checks = Checks::default();
        let lines = check_lines(&input.items, &mut checks);
        let region = checks.optional_line("region", input.region.as_deref());
        let payment_reference = checks.optional_line("paymentReference", input.payment_reference.as_deref());
        let key = checks.idempotency_key(&input.idempotency_key);
        checks.finish()?;
        let lines = OrderLine::sum(&lines)?;

        let idempotency = Idempotency {
            user: owner_of_keys(viewer, customer),
            scope: "placeOrder",
            key,
            fingerprint: order_fingerprint(&lines, region.as_deref(), payment_reference.as_deref()),
        };
        let region = match region {
            Some(region) => region,
            None => self.region_of(customer).await?,
        };
        loop {
            let stamp = self.stamp(viewer)?;
            let id = OrderId::generate(stamp.at);
            let order = NewOrder {
                id,
                number: order_number(id, stamp.at),
                region: region.clone(),
                customer,
                lines: lines.clone(),
                payment_reference: payment_reference.clone(),
            };
            let idempotency = idempotency.clone();
            match self.store.place_order(order, idempotency, stamp).await {
                Ok(placed) => return Ok(OrderResult { order: placed.order, replayed: placed.replayed }),
                // Numbers are random, so the next one is free.
                Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::OrderNumber))) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Staff: moves an order to another status.
    pub async fn update_order_status(&self, viewer: &Viewer, input: UpdateOrderStatus) -> Result<Order> {
        access::require(viewer, Scope::WriteOrders)?;
        let change = StatusChange {
            order: input.order,
            to: input.status,
            reason: reason(input.reason)?,
            expected_version: input.expected_version,
        };
        self.change_status(viewer, change).await
    }

    /// Cancels an order of the viewer; staff cancel any order.
    pub async fn cancel_order(&self, viewer: &Viewer, input: CancelOrder) -> Result<Order> {
        access::require_own_or(viewer, Scope::WriteOrders)?;
        let found = self.store.orders_by_ids(&[input.order]).await?.pop().flatten();
        let may_cancel = |order: &Order| viewer.may(Scope::WriteOrders) || viewer.is(order.customer);
        if !found.as_ref().is_some_and(may_cancel) {
            return Err(not_found_at("orderId")(Refusal::NotFound.into()));
        }
        let change = StatusChange {
            order: input.order,
            to: OrderStatus::Cancelled,
            reason: reason(input.reason)?,
            expected_version: input.expected_version,
        };
        self.change_status(viewer, change).await.map_err(|error| match error {
            super::ServiceError::User(errors) => super::ServiceError::User(
                errors
                    .into_iter()
                    .map(|error| match error.code {
                        // The input has no status that could be at fault.
                        UserErrorCode::InvalidTransition => {
                            UserError { field: Some(vec!["orderId".to_owned()]), ..error }
                        }
                        _ => error,
                    })
                    .collect(),
            ),
            other => other,
        })
    }

    async fn change_status(&self, viewer: &Viewer, change: StatusChange) -> Result<Order> {
        let stamp = self.stamp(viewer)?;
        let moved = self.store.change_order_status(change, stamp).await.map_err(not_found_at("orderId"))?;
        Ok(moved.order)
    }

    async fn region_of(&self, customer: UserId) -> Result<String> {
        let user = self.store.users_by_ids(&[customer]).await?.pop().flatten();
        Ok(user.and_then(|user| user.region).unwrap_or_else(|| UNSPECIFIED_REGION.to_owned()))
    }
}

fn reason(reason: Option<String>) -> Result<Option<String>> {
    let mut checks = Checks::default();
    let reason = checks.optional_line("reason", reason.as_deref());
    checks.finish()?;
    Ok(reason)
}

/// The lines with their indexes, if there are not too many or too few of them and each asks for a possible quantity.
fn check_lines(items: &[OrderInputLine], checks: &mut Checks) -> Vec<OrderLine> {
    if items.is_empty() || items.len() > MAX_ORDER_LINES {
        checks.fault(&["items"], format!("must have 1 to {MAX_ORDER_LINES} lines"));
        return Vec::new();
    }
    for (input_index, item) in items.iter().enumerate() {
        if !(1..=MAX_QUANTITY).contains(&item.quantity) {
            checks.fault(
                &["items", &input_index.to_string(), "quantity"],
                format!("must be between 1 and {MAX_QUANTITY}"),
            );
        }
    }
    let line = |(input_index, item): (usize, &OrderInputLine)| OrderLine {
        product: item.product,
        quantity: item.quantity,
        input_index,
    };
    items.iter().enumerate().map(line).collect()
}

fn order_fingerprint(lines: &[OrderLine], region: Option<&str>, payment_reference: Option<&str>) -> [u8; 32] {
    let mut lines: Vec<String> = lines.iter().map(|line| format!("{} {}", line.product, line.quantity)).collect();
    lines.sort_unstable();
    let parts = [region.unwrap_or_default(), payment_reference.unwrap_or_default()];
    fingerprint(parts.into_iter().chain(lines.iter().map(String::as_str)))
}

/// A number that people can read out: the year and 8 random characters without look-alikes (40 bits; a number that is
/// taken is replaced by another). Numbers are not counted up, because a counter would tell competitors the sales.
fn order_number(id: OrderId, at: Timestamp) -> String {
    // A time begins with the four digits of the year; an id is longer than 8 characters and ends with its random part.
    let (time, id) = (at.to_string(), id.to_string());
    let year: String = time.chars().skip(2).take(2).collect();
    let random: String = id.chars().skip(id.len().saturating_sub(8)).collect();
    format!("OW{year}-{random}")
}

/// Narrows `filter` to what the viewer may see; `None` when nothing is left.
fn scope(viewer: &Viewer, mut filter: OrderFilter) -> Option<OrderFilter> {
    if !viewer.may(Scope::ReadOrders) {
        let own = viewer.user_id()?;
        if filter.customer.is_some_and(|customer| customer != own) {
            return None;
        }
        filter.customer = Some(own);
    }
    Some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(n: u64) -> ProductId {
        ProductId::derived(Timestamp::from_unix_millis(1), "test", &n.to_string())
    }

    #[test]
    fn quantities_out_of_range_are_faults() {
        for quantity in [0, -1, i32::MIN, i32::MAX, MAX_QUANTITY + 1] {
            let mut checks = Checks::default();
            check_lines(&[OrderInputLine { product: product(1), quantity }], &mut checks);
            assert!(checks.finish().is_err(), "{quantity}");
        }
    }

    #[test]
    fn the_fingerprint_tells_inputs_apart_but_not_line_orders() {
        let line = |n| OrderLine { product: product(n), quantity: 1, input_index: 0 };
        assert_eq!(
            order_fingerprint(&[line(1), line(2)], None, None),
            order_fingerprint(&[line(2), line(1)], None, None)
        );
        assert_ne!(order_fingerprint(&[line(1)], None, None), order_fingerprint(&[line(1)], Some("UK"), None));
        assert_ne!(order_fingerprint(&[line(1)], Some("UK"), None), order_fingerprint(&[line(1)], None, Some("UK")));
    }
}
