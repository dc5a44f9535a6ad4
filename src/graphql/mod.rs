//! The GraphQL API.

use async_graphql::{Request, Response, ServerError};
use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::domain::{Timestamp, Viewer};

/// The GraphQL API as the transports see it.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// Who sends this request: `authorization` is the value of the header or of `connection_init`'s payload
    /// (`Bearer …`), `None` → anonymous.
    ///
    /// # Errors
    /// A GraphQL error with `extensions.code` UNAUTHENTICATED or UNAVAILABLE.
    async fn viewer(&self, authorization: Option<&str>) -> Result<ViewerSession, ServerError>;

    /// Runs a query or mutation (a subscription here answers with an error).
    async fn execute(&self, viewer: Viewer, request: Request) -> Response;

    /// Runs any operation as a stream: a subscription's events, or the one answer of a query or mutation. Validation
    /// errors come as a first item with errors and the stream ends.
    fn stream(&self, viewer: Viewer, request: Request) -> BoxStream<'static, Response>;

    /// The schema in the schema definition language.
    fn sdl(&self) -> String;

    /// Whether the parts it depends on can serve.
    ///
    /// # Errors
    /// Which part fails.
    async fn ready(&self) -> Result<(), String>;
}

/// Who a request is made for, and how long that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewerSession {
    /// Who.
    pub viewer: Viewer,
    /// When the token expires; `None` without one.
    pub expires_at: Option<Timestamp>,
}
