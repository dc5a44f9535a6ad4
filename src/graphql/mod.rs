//! The GraphQL API: schema and resolvers. A resolver parses its arguments, makes one service call and maps the result;
//! edges between entities go through batched loaders.

mod connection;
mod cursor;
mod error;
mod live;
mod loaders;
mod node;
mod operation;
mod order;
mod plain;
mod product;
mod scalars;
mod selection;
mod shape;
mod task;
mod user;

use std::sync::Arc;

use async_graphql::{
    Context, Enum, MergedObject, MergedSubscription, Request, Response, Schema, SchemaBuilder, ServerError, Value,
    parser::types::OperationType,
};
use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

pub use crate::service::Authenticated;
/// Who sends a request, as the transports keep it.
pub use crate::service::Authenticated as ViewerSession;
pub use connection::MAX_PAGE_SIZE;
pub use error::{ApiError, code};
pub use live::{Answer, Body};
use live::{Live, Phase};
use loaders::Call;
use operation::{Batches, Operation};
use shape::{Shape, Shapes};
pub use user::operation_hash;

use crate::{
    domain::{self, EventCursor, Viewer},
    service::{OperationHash, Service, ServiceError},
};

/// Levels of a document: more than introspection needs, fewer than a stack can hold.
const MAX_DEPTH: usize = 24;

/// Which way a list is sorted. Ties are broken by id in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Direction")]
pub enum OrderDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(node::NodeQuery, user::UserQuery, product::ProductQuery, order::OrderQuery, task::TaskQuery);

/// Everything that can be changed. Expected failures are told in userErrors, anything else is a GraphQL error.
#[derive(MergedObject, Default)]
pub struct Mutation(
    user::AccountMutation,
    user::TicketMutation,
    user::UserMutation,
    product::ProductMutation,
    order::OrderMutation,
    task::TaskMutation,
);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(order::OrderSubscription, task::TaskSubscription, product::StockSubscription);

/// The GraphQL API as the transports see it.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// Who sends a request. `authorization` is the value of the header, or of the member of that name in the payload
    /// of connection_init: `Bearer …`; without it the viewer is anonymous.
    /// Errors: UNAUTHENTICATED for a token that is not good, UNAVAILABLE.
    async fn viewer(&self, authorization: Option<&str>) -> Result<Authenticated, ServerError>;

    /// Who opens an event stream with a ticket. `operation` is the hash of what they ask for, which has to be what the
    /// ticket was made for; `resumes` whether the stream goes on where one was interrupted.
    /// Errors: UNAUTHENTICATED for a ticket that is not good, UNAVAILABLE.
    async fn ticket_holder(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError>;

    /// The newest event this node knows of; `None` when there are no event cursors.
    fn head(&self) -> Option<EventCursor>;

    /// Waits until the rights of a viewer end: the session has ended, or the user has another role.
    async fn ended(&self, viewer: Viewer);

    /// Runs a query or mutation; a subscription is answered with an error. Every error of the answer has a code.
    async fn execute(&self, viewer: Viewer, request: Request) -> Response;

    /// Runs any operation as a stream: the events of a subscription, or the one answer of a query or mutation. What is
    /// not valid is answered with one response with errors, and the stream ends.
    fn stream(&self, viewer: Viewer, request: Request) -> BoxStream<'static, Answer>;

    /// The schema in the schema definition language.
    fn sdl(&self) -> String;

    /// Succeeds when requests can be served; else says which part fails.
    async fn ready(&self) -> Result<(), String>;
}

/// Appends the data of a response as JSON. Parts of it may be JSON text already: they are not read again, as serde
/// would do.
pub fn write_data(data: &Value, json: &mut Vec<u8>) -> serde_json::Result<()> {
    plain::write_value(data, json)
}

/// Data of a request: its subscription goes on after this event, whatever its arguments say.
#[derive(Debug, Clone, Copy)]
pub struct ResumeAfter(pub EventCursor);

impl ResumeAfter {
    /// Where the subscription that `context` belongs to goes on; `after` is its argument.
    fn or(context: &Context<'_>, after: Option<scalars::EventCursor>) -> Option<EventCursor> {
        let resumed = context.data_opt::<Self>().map(|resumed| resumed.0);
        resumed.or(after.map(|cursor| cursor.0))
    }
}

/// What the schema offers besides the operations.
#[derive(Debug, Clone, Copy)]
pub struct ApiOptions {
    /// Answer introspection queries, and suggest names in errors.
    pub introspection: bool,
}

/// The API over a service.
pub struct Api {
    executor: Arc<Executor>,
    live: Arc<Live>,
}

/// Runs operations.
struct Executor {
    schema: Schema<Query, Mutation, Subscription>,
    shapes: Shapes,
    service: Arc<Service>,
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default()).limit_depth(MAX_DEPTH)
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    builder().finish().sdl()
}

impl Api {
    /// The API over `service`.
    pub fn new(service: Arc<Service>, options: ApiOptions) -> Self {
        let builder =
            if options.introspection { builder() } else { builder().disable_introspection().disable_suggestions() };
        let schema = builder.finish();
        let executor = Arc::new(Executor { shapes: Shapes::new(&schema.sdl()), schema, service });
        Self { live: Live::new(executor.clone()), executor }
    }
}

impl Executor {
    /// Runs a query or mutation.
    async fn execute(&self, viewer: Viewer, request: Request) -> Response {
        let (request, batches, shape) = self.prepare(viewer, request, Phase::None);
        let schema = self.schema.clone();
        let answer = stream::once(async move { schema.execute(request).await }).boxed();
        // Invariant: the stream has one item.
        complete(Operation::new(answer, batches).next().await.unwrap_or_default(), &shape)
    }

    /// Runs a subscription in a phase that has one answer at most.
    async fn subscription(&self, viewer: Viewer, request: Request, phase: Phase) -> Option<Response> {
        let (request, batches, shape) = self.prepare(viewer, request, phase);
        let answer = Operation::new(self.schema.execute_stream(request), batches).next().await?;
        Some(complete(answer, &shape))
    }

    /// The request with what its resolvers need, the batches they will ask for, and the shape of its results.
    fn prepare(&self, viewer: Viewer, mut request: Request, phase: Phase) -> (Request, Batches, Shape) {
        let shape = self.shapes.of(&mut request);
        let batches = Batches::default();
        let call = Arc::new(Call::new(self.service.clone(), viewer, batches.clone(), phase, shape.is_plain()));
        (request.data(call), batches, shape)
    }
}

/// The response as clients get it.
fn complete(mut response: Response, shape: &Shape) -> Response {
    shape.apply(&mut response);
    error::add_codes(&mut response);
    response
}

fn is_subscription(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let operation = request.parsed_query().ok().and_then(|document| shape::operation(document, name.as_deref()));
    operation.is_some_and(|operation| operation.node.ty == OperationType::Subscription)
}

#[async_trait]
impl Endpoint for Api {
    async fn viewer(&self, authorization: Option<&str>) -> Result<Authenticated, ServerError> {
        let token = match authorization {
            None => None,
            Some(value) => match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
                _ => {
                    let error = ServiceError::Unauthenticated("authorization has to be `Bearer` and an access token");
                    return Err(ApiError::from(error).into_server_error());
                }
            },
        };
        self.executor.service.authenticate(token).await.map_err(|error| ApiError::from(error).into_server_error())
    }

    async fn ticket_holder(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError> {
        let holder = self.executor.service.ticket_holder(ticket, operation, resumes).await;
        holder.map_err(|error| ApiError::from(error).into_server_error())
    }

    fn head(&self) -> Option<EventCursor> {
        Some(self.executor.service.head())
    }

    async fn ended(&self, viewer: Viewer) {
        self.executor.service.ended(&viewer).await;
    }

    async fn execute(&self, viewer: Viewer, request: Request) -> Response {
        self.executor.execute(viewer, request).await
    }

    fn stream(&self, viewer: Viewer, mut request: Request) -> BoxStream<'static, Answer> {
        if is_subscription(&mut request) {
            return self.live.clone().subscribe(viewer, request);
        }
        let executor = self.executor.clone();
        stream::once(async move { executor.execute(viewer, request).await.into() }).boxed()
    }

    fn sdl(&self) -> String {
        self.executor.schema.sdl()
    }

    async fn ready(&self) -> Result<(), String> {
        self.executor.service.ready().await.map_err(|error| {
            tracing::warn!(%error, "not ready");
            "storage".to_owned()
        })
    }
}
