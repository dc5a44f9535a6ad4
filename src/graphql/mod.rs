//! The GraphQL API: schema and resolvers. A resolver parses its arguments, makes one service call and maps the result;
//! edges between entities go through batched loaders.

mod connection;
mod cursor;
mod document;
mod error;
mod event;
mod executor;
mod live;
mod loaders;
mod node;
mod operation;
mod order;
mod plain;
mod product;
mod scalars;
mod selection;
mod task;
mod throttle;
mod user;
mod written;

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Context, Enum, MergedObject, MergedSubscription, Response, Schema, SchemaBuilder, ServerError, ValidationMode,
    Value,
};
use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

/// Who sends a request, as the transports keep it.
pub use crate::service::Authenticated as ViewerSession;
pub use crate::service::{Authenticated, Readiness};
pub use connection::MAX_PAGE_SIZE;
use document::MAX_NESTING;
pub use document::{
    DocumentHash, DocumentLimits, DocumentOptions, Documents, InvalidOperation, Manifest, ManifestError,
    OperationRequest, Prepared, Registry,
};
pub use error::{ApiError, code};
use executor::Executor;
use live::Live;
pub use live::{Answer, Body};
pub use throttle::{HEADERS as RATE_LIMIT_HEADERS, set_headers as set_rate_limit_headers, set_retry_after};

use crate::{
    domain::{self, ClientAddress, EventCursor, Viewer},
    service::{OperationHash, Service, ServiceError},
    telemetry,
};

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
pub struct Query(
    node::NodeQuery,
    user::UserQuery,
    product::ProductQuery,
    order::OrderQuery,
    task::TaskQuery,
    event::EventQuery,
);

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
    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError>;

    /// The newest event this node knows of; `None` when there are no event cursors.
    fn head(&self) -> Option<EventCursor>;

    /// Waits until the rights of a viewer end: the session has ended, or the user has another role.
    async fn rights_ended(&self, viewer: Viewer);

    /// Makes a request an operation that can be run: finds, limits and validates its document and checks its
    /// variables. `client` is where it comes from, `None` when that is not limited. Fails with the response that refuses
    /// it; every error of it has a code.
    async fn prepare(&self, request: OperationRequest, client: Option<ClientAddress>) -> Result<Prepared, Response>;

    /// Runs a query or mutation; a subscription is answered with an error. Every error of the answer has a code.
    async fn execute(&self, viewer: Viewer, operation: Prepared) -> Response;

    /// Runs any operation as a stream: the answers of a subscription, once it is open, or the one of a query or mutation,
    /// once it is there.
    async fn stream(&self, viewer: Viewer, operation: Prepared) -> BoxStream<'static, Answer>;

    /// The schema in the schema definition language.
    fn sdl(&self) -> String;

    /// Whether requests can be served, and what is not as it should be. Takes 5 s at most.
    async fn readiness(&self) -> Readiness;
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

/// What the API offers, and what it allows.
#[derive(Default)]
pub struct ApiOptions {
    /// Answer introspection queries, and suggest names in errors. Default: no.
    pub introspection: bool,
    /// How documents are treated.
    pub documents: DocumentOptions,
    /// An operation that takes longer is logged. Default: none is.
    pub slow: Option<Duration>,
}

/// The API over a service.
pub struct Api {
    executor: Arc<Executor>,
    live: Arc<Live>,
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    builder().finish().sdl()
}

/// What operations cost, as `docs/cost.md` has it.
pub fn cost_document() -> String {
    document::cost::document(&sdl())
}

impl Api {
    /// The API over `service`. Fails when a document of the manifest in the options is not valid.
    pub fn new(service: Arc<Service>, options: ApiOptions) -> Result<Self, InvalidOperation> {
        let builder =
            || if options.introspection { builder() } else { builder().disable_introspection().disable_suggestions() };
        let documents = Arc::new(Documents::new(builder(), options.documents)?);
        let schema = builder().limit_recursive_depth(MAX_NESTING).validation_mode(ValidationMode::Fast).finish();
        let executor = Arc::new(Executor { documents, schema, service, slow: options.slow.unwrap_or(Duration::MAX) });
        Ok(Self { live: Live::new(executor.clone()), executor })
    }
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

    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError> {
        let holder = self.executor.service.authenticate_ticket(ticket, operation, resumes).await;
        holder.map_err(|error| ApiError::from(error).into_server_error())
    }

    fn head(&self) -> Option<EventCursor> {
        Some(self.executor.service.head())
    }

    async fn rights_ended(&self, viewer: Viewer) {
        self.executor.service.rights_ended(&viewer).await;
    }

    async fn prepare(&self, request: OperationRequest, client: Option<ClientAddress>) -> Result<Prepared, Response> {
        match self.executor.documents.prepare(request).await {
            Ok(operation) => Ok(operation.sent_from(client)),
            Err(refusal) => {
                telemetry::operation::count_refused(error::outcome(&refusal.errors));
                Err(refusal)
            }
        }
    }

    async fn execute(&self, viewer: Viewer, operation: Prepared) -> Response {
        self.executor.execute(viewer, &operation).await
    }

    async fn stream(&self, viewer: Viewer, operation: Prepared) -> BoxStream<'static, Answer> {
        if operation.subscribes() {
            return self.live.clone().subscribe(viewer, operation).await;
        }
        stream::iter([self.execute(viewer, operation).await.into()]).boxed()
    }

    fn sdl(&self) -> String {
        self.executor.schema.sdl()
    }

    async fn readiness(&self) -> Readiness {
        self.executor.service.readiness().await
    }
}
