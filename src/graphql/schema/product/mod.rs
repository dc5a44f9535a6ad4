//! Products in the schema.

mod mutation;
mod query;
mod subscription;
mod types;

pub use mutation::ProductMutation;
pub use query::ProductQuery;
pub use subscription::StockSubscription;
pub use types::Product;
pub(super) use types::{ProductFilter, ProductList, ProductOrder, list};
