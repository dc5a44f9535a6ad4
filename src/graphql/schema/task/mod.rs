//! Tasks in the schema.

mod fields;
mod list;
mod mutation;
mod query;
mod subscription;
mod types;

pub(super) use list::{TaskFilter, TaskList, TaskOrder, list};
pub use mutation::TaskMutation;
pub use query::TaskQuery;
pub use subscription::TaskSubscription;
pub use types::Task;
