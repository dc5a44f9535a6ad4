//! Running prepared operations.

mod batched;
mod charge;
mod executor;
mod schema;

pub use batched::PendingBatches;
pub use executor::OperationExecutor;
pub use schema::ExecutableSchema;
