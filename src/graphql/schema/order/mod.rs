//! Orders in the schema.

mod mutation;
mod query;
mod subscription;
mod types;

pub use mutation::OrderMutation;
pub use query::OrderQuery;
pub use subscription::OrderSubscription;
pub(super) use subscription::UpdateKind;
pub use types::{Money, Order, OrderStatus};
pub(super) use types::{OrderFilter, OrderList, OrderOrder, list};
