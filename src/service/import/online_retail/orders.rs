//! The second pass over the file: builds orders and sends each one when its last row has been read.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::row::{HEADER, NUMBER_TAKEN, OTHER_CUSTOMER, Row, RowParser, TOTAL_TOO_LARGE};
use crate::{
    domain::{
        CurrencyCode, Decimal, HistoryEntry, Metadata, Order, OrderId, OrderItem, OrderStatus, ProductId, Timestamp,
        UserId,
    },
    service::import::{
        Counts, ImportError, ImportSource, RejectCounts,
        records::RecordReader,
        rejects::{RejectReason, RejectsWriter},
    },
};

/// Progress is reported at least every so many rows, even without a new order.
const ROWS_PER_REPORT: u64 = 20_000;

/// The stored entities that rows refer to, by the file's own keys.
pub(super) struct ImportPlan {
    /// Number of rows that the first pass found.
    pub rows: u64,
    /// Stored products by `StockCode`.
    pub products: HashMap<Box<str>, PlannedProduct>,
    /// Stored users by `CustomerID`.
    pub users: HashMap<Box<str>, UserId>,
    /// Orders to build or to skip, by `InvoiceNo`.
    pub orders: HashMap<Box<str>, PlannedOrder>,
}

/// A product that is already stored.
pub(super) struct PlannedProduct {
    pub id: ProductId,
    /// The name for lines without a description.
    pub name: Box<str>,
}

/// An order to build from its rows.
pub(super) struct PlannedOrder {
    pub id: OrderId,
    pub state: OrderState,
    pub customer: Box<str>,
    pub placed_at: Timestamp,
    /// Number of the row that completes the order.
    pub last_row: u64,
    /// The sum of its lines so far.
    pub total: Decimal,
}

/// Whether the order must be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderState {
    New,
    /// An earlier import stored it.
    Stored,
    /// An order from elsewhere already has its number.
    NumberTaken,
}

/// Complete orders, to be stored together.
pub(super) struct OrderBatch {
    pub orders: Vec<Order>,
    /// Number of rows of the file read so far.
    pub rows: u64,
}

/// How many rows were imported or rejected.
pub(super) struct RowCounts {
    /// Rows that are lines of orders, and those of them that are in new orders.
    pub items: Counts,
    pub rejected: RejectCounts,
}

/// Reads the whole file and sends the new orders in batches of about `items_per_batch` lines. Returns early, without an
/// error, if the receiver is gone.
pub(super) fn read(
    source: &ImportSource,
    plan: ImportPlan,
    mut rejects: RejectsWriter,
    items_per_batch: usize,
    batches: &mpsc::Sender<OrderBatch>,
) -> Result<RowCounts, ImportError> {
    let changed = || ImportError::Changed(source.to_string());
    let mut records = RecordReader::open(source, &HEADER)?;
    let mut parser = RowParser::new();
    let mut builder =
        OrderBuilder { plan, open: HashMap::new(), row: 0, done: Vec::new(), done_items: 0, items: Counts::default() };
    let mut sent_rows = 0;
    while records.advance()? {
        builder.row += 1;
        let taken = match parser.parse(records.record()) {
            Ok(row) => builder.take(&row).map_err(|Inconsistent| changed())?,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = taken {
            rejects.add(reason, records.line(), records.record())?;
        }
        let quiet = builder.done.is_empty() && builder.row - sent_rows >= ROWS_PER_REPORT;
        if quiet || builder.done_items >= items_per_batch {
            sent_rows = builder.row;
            if batches.blocking_send(builder.batch()).is_err() {
                break;
            }
        }
    }
    if !batches.is_closed() && (builder.row != builder.plan.rows || !builder.open.is_empty()) {
        return Err(changed());
    }
    // The receiver is gone only if the import was abandoned.
    let _ = batches.blocking_send(builder.batch());
    Ok(RowCounts { items: builder.items, rejected: rejects.finish()? })
}

/// The file has changed since the first pass.
struct Inconsistent;

struct OrderBuilder {
    plan: ImportPlan,
    /// Orders whose last row is still to come, by `InvoiceNo`.
    open: HashMap<Box<str>, Order>,
    /// The row being read; the first one is 1.
    row: u64,
    done: Vec<Order>,
    done_items: usize,
    items: Counts,
}

impl OrderBuilder {
    /// Adds the row to its order. The inner error says why the row is rejected.
    fn take(&mut self, row: &Row<'_>) -> Result<Result<(), RejectReason>, Inconsistent> {
        let line_total = match row.line_total() {
            Ok(line_total) => line_total,
            Err(reason) => return Ok(Err(reason)),
        };
        let planned = self.plan.orders.get_mut(row.invoice.as_str()).ok_or(Inconsistent)?;
        if *planned.customer != *row.customer {
            return Ok(Err(OTHER_CUSTOMER));
        }
        let completes = planned.last_row == self.row;
        if planned.state == OrderState::NumberTaken {
            return Ok(Err(NUMBER_TAKEN));
        }
        let total = planned.total.checked_add(line_total);
        if let Some(total) = total {
            planned.total = total;
            self.items.total += 1;
        }
        if planned.state == OrderState::New {
            if let Some(total) = total {
                self.items.new += 1;
                self.add_line(row, line_total, total)?;
            }
            if completes {
                let order = self.open.remove(row.invoice.as_str()).ok_or(Inconsistent)?;
                self.done_items += order.items.len();
                self.done.push(order);
            }
        }
        Ok(total.map(|_| ()).ok_or(TOTAL_TOO_LARGE))
    }

    fn add_line(&mut self, row: &Row<'_>, line_total: Decimal, total: Decimal) -> Result<(), Inconsistent> {
        let product = self.plan.products.get(row.code.as_str()).ok_or(Inconsistent)?;
        let name = if row.description.is_empty() { &*product.name } else { &row.description };
        let item = OrderItem {
            product: product.id,
            sku: row.code.clone(),
            name: name.to_owned(),
            quantity: row.quantity,
            unit_price: row.price,
            line_total,
        };
        let order = match self.open.get_mut(row.invoice.as_str()) {
            Some(order) => order,
            None => {
                let planned = self.plan.orders.get(row.invoice.as_str()).ok_or(Inconsistent)?;
                let customer = *self.plan.users.get(row.customer).ok_or(Inconsistent)?;
                self.open.entry(row.invoice.as_str().into()).or_insert(new_order(row, planned, customer))
            }
        };
        order.items.push(item);
        order.total = total;
        Ok(())
    }

    fn batch(&mut self) -> OrderBatch {
        self.done_items = 0;
        OrderBatch { orders: std::mem::take(&mut self.done), rows: self.row }
    }
}

/// Starts an order from the invoice's first row, without lines.
fn new_order(row: &Row<'_>, planned: &PlannedOrder, customer: UserId) -> Order {
    let at = planned.placed_at;
    let delivered = HistoryEntry { event: None, from: None, to: OrderStatus::Delivered, actor: None, reason: None, at };
    Order {
        metadata: Metadata::default(),
        id: planned.id,
        number: row.invoice.clone(),
        region: row.country.clone(),
        customer,
        items: Vec::new(),
        total: Decimal::ZERO,
        currency: CurrencyCode::GBP,
        status: OrderStatus::Delivered,
        history: vec![delivered],
        payment_reference: None,
        version: 1,
        placed_at: at,
        created_at: at,
        updated_at: at,
    }
}
