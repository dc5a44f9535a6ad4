//! Tasks in the schema.

mod mutation;
mod query;
mod subscription;
mod types;

pub use mutation::TaskMutation;
pub use query::TaskQuery;
pub use subscription::TaskSubscription;
pub use types::Task;
pub(super) use types::{TaskFilter, TaskList, TaskOrder, list};
