//! The line of an order, with the lines of the order and its history.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, finish},
    values::{Items, Text, metadata},
};
use crate::{
    domain::{
        CurrencyCode, Decimal, EventId, HistoryEntry, Order, OrderId, OrderItem, OrderStatus, ProductId, Timestamp,
        UserId,
    },
    service::input::Checks,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrderRecord<'l> {
    id: OrderId,
    #[serde(borrow)]
    number: Cow<'l, str>,
    #[serde(borrow)]
    region: Cow<'l, str>,
    customer: UserId,
    #[serde(borrow)]
    items: Vec<ItemRecord<'l>>,
    total: Text<Decimal>,
    currency: CurrencyCode,
    status: OrderStatus,
    #[serde(borrow)]
    history: Vec<StepRecord<'l>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    payment_reference: Option<Cow<'l, str>>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    metadata: Items<'l>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    private_metadata: Items<'l>,
    version: i32,
    placed_at: Text<Timestamp>,
    created_at: Text<Timestamp>,
    updated_at: Text<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ItemRecord<'l> {
    product: ProductId,
    #[serde(borrow)]
    sku: Cow<'l, str>,
    #[serde(borrow)]
    name: Cow<'l, str>,
    quantity: i32,
    unit_price: Text<Decimal>,
    line_total: Text<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StepRecord<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<OrderStatus>,
    to: OrderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<UserId>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'l, str>>,
    at: Text<Timestamp>,
}

impl<'l> From<&'l Order> for OrderRecord<'l> {
    fn from(order: &'l Order) -> Self {
        Self {
            id: order.id,
            number: Cow::Borrowed(&order.number),
            region: Cow::Borrowed(&order.region),
            customer: order.customer,
            items: order.items.iter().map(ItemRecord::from).collect(),
            total: Text(order.total),
            currency: order.currency,
            status: order.status,
            history: order.history.iter().map(StepRecord::from).collect(),
            payment_reference: order.payment_reference.as_deref().map(Cow::Borrowed),
            metadata: Items(Cow::Borrowed(&order.metadata.public)),
            private_metadata: Items(Cow::Borrowed(&order.metadata.private)),
            version: order.version,
            placed_at: Text(order.placed_at),
            created_at: Text(order.created_at),
            updated_at: Text(order.updated_at),
        }
    }
}

impl<'l> From<&'l OrderItem> for ItemRecord<'l> {
    fn from(item: &'l OrderItem) -> Self {
        Self {
            product: item.product,
            sku: Cow::Borrowed(&item.sku),
            name: Cow::Borrowed(&item.name),
            quantity: item.quantity,
            unit_price: Text(item.unit_price),
            line_total: Text(item.line_total),
        }
    }
}

impl<'l> From<&'l HistoryEntry> for StepRecord<'l> {
    fn from(step: &'l HistoryEntry) -> Self {
        Self {
            event: step.event,
            from: step.from,
            to: step.to,
            actor: step.actor,
            reason: step.reason.as_deref().map(Cow::Borrowed),
            at: Text(step.at),
        }
    }
}

impl OrderRecord<'_> {
    /// The order, if the line keeps the rules.
    pub(super) fn check(self) -> Result<Order, Fault> {
        let mut checks = Checks::default();
        let number = checks.sku("number", &self.number);
        let region = checks.line("region", &self.region);
        let payment_reference = checks.optional_line("paymentReference", self.payment_reference.as_deref());
        checks.version(self.version);
        let items: Vec<OrderItem> = self.items.into_iter().map(|item| item.check(&mut checks)).collect();
        check_total(&items, self.total.0, &mut checks);
        let history: Vec<HistoryEntry> = self.history.into_iter().map(|step| step.check(&mut checks)).collect();
        check_history(&history, self.status, &mut checks);
        finish(checks)?;
        Ok(Order {
            id: self.id,
            number,
            region,
            customer: self.customer,
            items,
            total: self.total.0,
            currency: self.currency,
            status: self.status,
            history,
            payment_reference,
            metadata: metadata(self.metadata, self.private_metadata),
            version: self.version,
            placed_at: self.placed_at.0,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

impl ItemRecord<'_> {
    fn check(self, checks: &mut Checks) -> OrderItem {
        if self.quantity <= 0 {
            checks.fault(&["items.quantity"], "must be above 0");
        }
        checks.not_negative("items.unitPrice", self.unit_price.0);
        if self.unit_price.0.checked_mul(self.quantity) != Some(self.line_total.0) {
            checks.fault(&["items.lineTotal"], "must be the unit price times the quantity");
        }
        OrderItem {
            product: self.product,
            sku: checks.sku("items.sku", &self.sku),
            name: checks.line("items.name", &self.name),
            quantity: self.quantity,
            unit_price: self.unit_price.0,
            line_total: self.line_total.0,
        }
    }
}

impl StepRecord<'_> {
    fn check(self, checks: &mut Checks) -> HistoryEntry {
        HistoryEntry {
            event: self.event,
            from: self.from,
            to: self.to,
            actor: self.actor,
            reason: checks.optional_line("history.reason", self.reason.as_deref()),
            at: self.at.0,
        }
    }
}

fn check_total(items: &[OrderItem], total: Decimal, checks: &mut Checks) {
    if items.is_empty() {
        checks.fault(&["items"], "must have an entry");
    }
    let sum = items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(item.line_total));
    if sum != Some(total) {
        checks.fault(&["total"], "must be the sum of the line totals");
    }
}

/// Each step begins where the one before has led, along the steps that an order can take, and the last one leads to the status.
/// What an order began with is free: imported ones began as delivered.
fn check_history(history: &[HistoryEntry], status: OrderStatus, checks: &mut Checks) {
    let mut before: Option<OrderStatus> = None;
    for step in history {
        let may_follow = before.is_none_or(|before| before.allowed_transitions().contains(&step.to));
        if step.from != before || !may_follow {
            checks.fault(&["history"], "must go from status to status by steps that an order can take");
            return;
        }
        before = Some(step.to);
    }
    if before != Some(status) {
        checks.fault(&["history"], "must lead to the status of the order");
    }
}
