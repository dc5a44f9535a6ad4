//! The API: the schema, run by the engine over the services. Transports see it as an [`Endpoint`].
//!
//! Decision: `docs/decisions/0003-own-transports.md`.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Response, SDLExportOptions, Schema, SchemaBuilder, ServerError, ValidationMode};
use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{
    engine::{
        client_limits::ClientLimits,
        document::{
            DocumentOptions, Documents, InvalidDocuments, InvalidSchema, MAX_NESTING, OperationRequest,
            PreparedOperation, cost,
        },
        error::{self, ApiError},
        execute::{ExecutableSchema, OperationExecutor, PendingBatches},
        live::{BoxResultStream, LiveSubscriptions, results},
        public_answers::PublicAnswers,
    },
    schema::{HasMetadata, Mutation, Query, SCALARS, Subscription, request_context::RequestContext},
};
use crate::{
    domain::{ClientAddress, Viewer},
    service::{Authenticated, OperationHash, Readiness, Service, ServiceError},
    telemetry,
};

/// The GraphQL API as the transports see it.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// The viewer who sends a request. `authorization` is the value of the header, or of the member of that name in the payload
    /// of connection_init: `Bearer …`; without it the viewer is anonymous.
    /// Errors: UNAUTHENTICATED for an invalid token, UNAVAILABLE.
    async fn viewer(&self, authorization: Option<&str>) -> Result<Authenticated, ServerError>;

    /// The viewer who opens an event stream with a ticket. `operation` is the hash of the operation in the request, which
    /// must be the one that the ticket was made for. `resumes` says whether the request continues an interrupted stream.
    /// Errors: UNAUTHENTICATED for an invalid ticket, UNAVAILABLE.
    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError>;

    /// Waits until the rights of a viewer end: the session has ended, or the user has another role.
    async fn rights_ended(&self, viewer: Viewer);

    /// Prepares a request: finds, limits and validates its document and checks its variables. `client` is the address
    /// that it comes from, `None` if addresses are not limited. Fails with the response that refuses
    /// it; every error of it has a code.
    async fn prepare(
        &self,
        request: OperationRequest,
        client: Option<ClientAddress>,
    ) -> Result<PreparedOperation, Response>;

    /// Runs a query or mutation; a subscription is answered with an error. Every error of the answer has a code.
    async fn execute(&self, viewer: Viewer, operation: PreparedOperation) -> Response;

    /// Runs any operation as a stream: the results of a subscription, or the one response of a query or mutation.
    async fn stream(&self, viewer: Viewer, operation: PreparedOperation) -> BoxResultStream;

    /// What one client may take of this node, which the transports keep as well.
    fn client_limits(&self) -> &Arc<ClientLimits>;

    /// What is known of answers that anyone may get; `None` if it is not remembered.
    fn public_answers(&self) -> Option<&PublicAnswers> {
        None
    }

    /// The schema in the schema definition language.
    fn sdl(&self) -> String;

    /// Whether requests can be served, and what is impaired. Takes at most 5 s.
    async fn readiness(&self) -> Readiness;
}

/// Which features the API has, and how it limits documents.
pub struct ApiOptions {
    /// Answer introspection queries, and suggest names in errors.
    pub introspection: bool,
    /// How documents are treated.
    pub documents: DocumentOptions,
    /// An operation that takes longer is logged. Default: no operation is.
    pub slow: Option<Duration>,
}

/// The API over a service. Clones share everything.
#[derive(Clone)]
pub struct Api {
    documents: Arc<Documents>,
    service: Arc<Service>,
    executor: Arc<OperationExecutor>,
    live: Arc<LiveSubscriptions>,
    public_answers: Arc<PublicAnswers>,
}

/// The schema with what its resolvers need.
struct ApiSchema {
    schema: Schema<Query, Mutation, Subscription>,
    service: Arc<Service>,
    documents: Arc<Documents>,
}

impl ExecutableSchema for ApiSchema {
    fn with_context(
        &self,
        request: Request,
        viewer: Viewer,
        client: Option<ClientAddress>,
        batches: PendingBatches,
    ) -> Request {
        let (service, documents) = (self.service.clone(), self.documents.clone());
        request.data(Arc::new(RequestContext::new(service, documents, viewer, client, batches)))
    }

    fn execute(&self, request: Request) -> BoxStream<'static, Response> {
        let schema = self.schema.clone();
        stream::once(async move { schema.execute(request).await }).boxed()
    }

    fn subscribe(&self, request: Request) -> BoxStream<'static, Response> {
        self.schema.execute_stream(request)
    }
}

pub(super) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default()).register_output_type::<HasMetadata>()
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// The costs of the fields, as the text of `docs/cost.md`; `limit` is the limit on an operation, `answer_bytes` that on its
/// answer. Fails if the directives of the schema do not fit it.
pub fn cost_document(limit: usize, answer_bytes: usize) -> Result<String, InvalidSchema> {
    cost::document(&sdl(), limit, answer_bytes)
}

/// Fails when a document of the manifest in the options is not valid.
pub fn check_documents(introspection: bool, options: DocumentOptions) -> Result<(), InvalidDocuments> {
    documents(introspection, options).map(drop)
}

fn documents(introspection: bool, options: DocumentOptions) -> Result<Documents, InvalidDocuments> {
    Documents::new(&sdl(), SCALARS, introspection, options)
}

impl Api {
    /// The API over `service`. Fails when a document of the manifest in the options is not valid.
    pub fn new(service: Arc<Service>, options: ApiOptions) -> Result<Self, InvalidDocuments> {
        let documents = Arc::new(documents(options.introspection, options.documents)?);
        let schema = builder().limit_recursive_depth(MAX_NESTING).validation_mode(ValidationMode::Fast).finish();
        let schema = ApiSchema { schema, service: service.clone(), documents: documents.clone() };
        let executor = Arc::new(OperationExecutor {
            schema: Box::new(schema),
            service: service.clone(),
            limits: documents.client_limits().clone(),
            slow: options.slow.unwrap_or(Duration::MAX),
        });
        let (live, public_answers) = (LiveSubscriptions::new(executor.clone()), PublicAnswers::new(service.clone()));
        Ok(Self { documents, service, executor, live, public_answers: Arc::new(public_answers) })
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
                    let error =
                        ServiceError::Unauthenticated("authorization must be `Bearer` and an access token or API key");
                    return Err(ApiError::from(error).into_server_error());
                }
            },
        };
        self.service.authenticate(token).await.map_err(|error| ApiError::from(error).into_server_error())
    }

    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: OperationHash,
        resumes: bool,
    ) -> Result<Authenticated, ServerError> {
        let holder = self.service.authenticate_ticket(ticket, operation, resumes).await;
        holder.map_err(|error| ApiError::from(error).into_server_error())
    }

    async fn rights_ended(&self, viewer: Viewer) {
        self.service.rights_ended(&viewer).await;
    }

    async fn prepare(
        &self,
        request: OperationRequest,
        client: Option<ClientAddress>,
    ) -> Result<PreparedOperation, Response> {
        self.documents.prepare(OperationRequest { client, ..request }).await.inspect_err(|refusal| {
            telemetry::operation::count_refused(error::outcome_label(&refusal.errors));
        })
    }

    async fn execute(&self, viewer: Viewer, operation: PreparedOperation) -> Response {
        self.executor.execute(viewer, &operation).await
    }

    async fn stream(&self, viewer: Viewer, operation: PreparedOperation) -> BoxResultStream {
        if operation.subscribes() {
            return self.live.clone().subscribe(viewer, operation).await;
        }
        results(stream::iter([self.execute(viewer, operation).await.into()]))
    }

    fn client_limits(&self) -> &Arc<ClientLimits> {
        self.documents.client_limits()
    }

    fn public_answers(&self) -> Option<&PublicAnswers> {
        Some(&self.public_answers)
    }

    fn sdl(&self) -> String {
        sdl()
    }

    async fn readiness(&self) -> Readiness {
        self.service.readiness().await
    }
}
