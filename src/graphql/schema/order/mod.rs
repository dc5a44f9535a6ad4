//! Orders in the schema.

mod fields;
mod lines;
mod list;
mod mutation;
mod query;
mod subscription;
mod types;

pub(super) use list::{OrderFilter, OrderList, OrderOrder, list};
pub use mutation::OrderMutation;
pub use query::OrderQuery;
pub use subscription::OrderSubscription;
pub(super) use subscription::UpdateKind;
pub use types::{Order, OrderStatus};
