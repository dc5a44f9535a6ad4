//! The schema as the engine sees it.

use async_graphql::{Request, Response};
use futures_util::stream::BoxStream;

use super::batched::PendingBatches;
use crate::domain::{ClientAddress, Viewer};

/// A schema that operations run on. It validates nothing: documents are valid when they come here.
pub trait ExecutableSchema: Send + Sync + 'static {
    /// Adds the data that resolvers need. `client` is the address the request comes from, `None` when that is not
    /// limited; resolvers push their loads to `batches`.
    fn with_context(
        &self,
        request: Request,
        viewer: Viewer,
        client: Option<ClientAddress>,
        batches: PendingBatches,
    ) -> Request;

    /// Runs a query or mutation: a stream of one response.
    fn execute(&self, request: Request) -> BoxStream<'static, Response>;

    /// Runs a subscription: a stream of its responses.
    fn subscribe(&self, request: Request) -> BoxStream<'static, Response>;
}
