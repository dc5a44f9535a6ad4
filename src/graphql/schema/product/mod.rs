//! Products in the schema.

mod list;
mod mutation;
mod query;
mod subscription;
mod types;

pub(super) use list::{ProductFilter, ProductList, ProductOrder, list};
pub use mutation::ProductMutation;
pub use query::ProductQuery;
pub use subscription::StockSubscription;
pub use types::Product;
