//! The GraphQL API in this process over a real store, with its storage calls counted.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, time::Duration};

use super::options::{document_options, feed_options};
use async_graphql::{Response, Variables};
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use orderwire::{
    auth::{AccessTokens, PasswordCost, Passwords},
    cluster::local::LocalBus,
    config::Config,
    domain::{Clock, EventType, SessionId, SystemClock, Timestamp, User, UserId, UserRole, Viewer, Webhook},
    graphql::{
        Api, ApiOptions, DocumentOptions, Endpoint, ExecutionResult, ObservedQuery, OperationRequest,
        PreparedOperation, PublicAnswers, ResultBody,
    },
    outbound::{AddressPolicy, Client},
    service::{
        CreateWebhook, PayloadRenderer, RateLimits, Registration, Service, ServiceOptions, WebhookOptions,
        feed::EventFeed,
    },
    storage::{BeforeCall, CallCounts, InstrumentedStore, NearCache, Store},
};
use serde_json::{Value, json};

/// Password of all users that [`TestApi::new_user`] creates.
pub const PASSWORD: &str = "correct horse battery staple";

/// The GraphQL API over a store.
pub struct TestApi {
    api: Arc<Api>,
    /// The service that the API calls.
    pub service: Arc<Service>,
    /// The store that the service uses; its calls are counted.
    pub store: Arc<dyn Store>,
    counts: CallCounts,
}

/// Webhooks that may be sent to this machine.
pub fn webhook_options() -> WebhookOptions {
    let policy = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
    WebhookOptions { client: Client::new(policy, Duration::from_secs(2)), ..WebhookOptions::default() }
}

impl TestApi {
    /// The API over `store` with default options.
    pub async fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, document_options()).await
    }

    /// The API over `store` with the cache of a node in front of it.
    pub async fn cached(store: Arc<dyn Store>) -> Self {
        Self::build(store, document_options(), Arc::new(SystemClock), Config::default().cache.bytes).await
    }

    /// The API over `store` with these limits on documents.
    pub async fn with(store: Arc<dyn Store>, documents: DocumentOptions) -> Self {
        Self::build(store, documents, Arc::new(SystemClock), 0).await
    }

    /// The API of a node with this clock.
    pub async fn with_clock(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self::build(store, document_options(), clock, 0).await
    }

    /// The API over `store` with a cache of this size in front of it; without one if that is 0.
    async fn build(
        store: Arc<dyn Store>,
        documents: DocumentOptions,
        clock: Arc<dyn Clock>,
        cache_bytes: usize,
    ) -> Self {
        let counts = CallCounts::default();
        let cache = (cache_bytes > 0).then(|| Arc::new(NearCache::new(store.clone(), cache_bytes)));
        // In front of the cache: tests count what the service asks for.
        let store: Arc<dyn Store> = match &cache {
            Some(cache) => Arc::new(InstrumentedStore::new(cache.clone(), Some(counts.clone()))),
            None => Arc::new(InstrumentedStore::new(store, Some(counts.clone()))),
        };
        let bus = Arc::new(LocalBus::new());
        let feed = EventFeed::start_with(store.clone(), bus, feed_options(), cache).await.unwrap();
        let cheap = PasswordCost { memory: 8, passes: 1, lanes: 1 };
        let day = Duration::from_secs(86_400);
        let service = Arc::new(Service::new(
            store.clone(),
            feed,
            clock,
            AccessTokens::hs256(&[7; 32], Duration::from_secs(900)).unwrap(),
            Passwords::new(cheap, NonZeroUsize::MIN).unwrap(),
            ServiceOptions {
                session_lifetime: day,
                log_retention: 7 * day,
                idempotency_retention: day,
                limits: RateLimits::default(),
                webhooks: webhook_options(),
            },
        ));
        let api = Api::new(service.clone(), ApiOptions { introspection: true, documents, slow: None }).unwrap();
        let api = Arc::new(api);
        let renderer: Arc<dyn PayloadRenderer> = api.clone();
        service.render_payloads_by(&renderer);
        Self { api, service, store, counts }
    }

    /// Creates the user `NAME@example.com`.
    pub async fn new_user(&self, name: &str, role: UserRole) -> User {
        let registration = Registration {
            email: format!("{name}@example.com"),
            name: name.to_owned(),
            region: Some("United Kingdom".to_owned()),
            password: Some(PASSWORD.to_owned()),
        };
        self.service.create_user(&Viewer::System, registration, role).await.unwrap()
    }

    /// Creates a user and returns the viewer in a session of theirs.
    pub async fn viewer(&self, name: &str, role: UserRole) -> Viewer {
        let user = self.new_user(name, role).await;
        self.viewer_of(&user).await
    }

    /// The viewer in a new session of a user.
    pub async fn viewer_of(&self, user: &User) -> Viewer {
        self.service.open_session(&Viewer::System, user.id).await.unwrap().viewer()
    }

    /// Creates a webhook of orders at an address of this machine where nobody listens, after all others were deleted.
    pub async fn new_webhook(&self) -> Webhook {
        for webhook in self.service.webhooks(&Viewer::System, None, 100).await.unwrap().0 {
            self.service.delete_webhook(&Viewer::System, webhook.id).await.unwrap();
        }
        let webhook = CreateWebhook {
            url: "http://127.0.0.1:9999/".to_owned(),
            description: None,
            kinds: vec![EventType::OrderPlaced],
            document: None,
            after: None,
        };
        self.service.create_webhook(&Viewer::System, webhook).await.unwrap().0
    }

    /// Runs `before` ahead of every further call of the store, with the name of the method.
    pub fn run_before_calls(&self, before: BeforeCall) {
        self.counts.run_before(before);
    }

    /// Runs a query or mutation and returns the whole response.
    pub async fn response(&self, viewer: Viewer, document: &str, variables: Value) -> Response {
        self.run(viewer, OperationRequest::new(document).variables(Variables::from_json(variables))).await
    }

    /// The whole response to a query of which nothing is written as JSON directly.
    pub async fn response_of_executor(&self, viewer: Viewer, document: &str) -> Response {
        let operation = self.prepare(OperationRequest::new(document)).await.expect("the query is valid");
        self.api.execute(viewer, operation.without_direct_json()).await
    }

    /// Runs a request for a query or mutation and returns the whole response.
    pub async fn run(&self, viewer: Viewer, request: OperationRequest) -> Response {
        match self.prepare(request).await {
            Ok(operation) => self.api.execute(viewer, operation).await,
            Err(refusal) => refusal,
        }
    }

    /// Prepares a request; returns an operation that can be run or the response that refuses it.
    pub async fn prepare(&self, request: OperationRequest) -> Result<PreparedOperation, Response> {
        self.api.prepare(request, None).await
    }

    /// Runs a query of an anonymous viewer and has its tag remembered.
    pub async fn observed(&self, request: OperationRequest) -> (ObservedQuery, Response) {
        let mut query = self.prepare(request).await.expect("the query is valid");
        let observed = self.public_answers().observe(&mut query);
        let response = self.api.execute(Viewer::Anonymous, query).await;
        self.public_answers().remember(&observed, "a tag");
        (observed, response)
    }

    /// What the node knows of answers that anyone may get.
    pub fn public_answers(&self) -> &PublicAnswers {
        self.api.public_answers().unwrap()
    }

    /// The schema in the schema definition language.
    pub fn sdl(&self) -> String {
        self.api.sdl()
    }

    /// Runs a query or mutation that must succeed and returns its data.
    pub async fn data(&self, viewer: Viewer, document: &str, variables: Value) -> Value {
        let response = self.response(viewer, document, variables).await;
        assert!(response.errors.is_empty(), "{document}: {:?}", response.errors);
        response.data.into_json().unwrap()
    }

    /// Creates a product from a `CreateProductInput` and returns its id.
    pub async fn product(&self, staff: Viewer, input: Value) -> Value {
        let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) {
            product { id } userErrors { message } } }";
        let made = self.data(staff, create, json!({ "input": input })).await["createProduct"].clone();
        assert_eq!(made["userErrors"], json!([]));
        made["product"]["id"].clone()
    }

    /// Runs a query or mutation and returns the `extensions.code` of each error.
    pub async fn codes(&self, viewer: Viewer, document: &str, variables: Value) -> Vec<String> {
        error_codes(&self.response(viewer, document, variables).await)
    }

    /// Runs a subscription and returns its responses.
    pub fn stream(&self, viewer: Viewer, document: &str, variables: Value) -> BoxStream<'static, Response> {
        let response = |answer: ExecutionResult| match answer.body {
            ResultBody::Response(response) => *response,
            ResultBody::Json(json) => serde_json::from_str(json.get()).unwrap(),
        };
        self.answers(viewer, document, variables).map(response).boxed()
    }

    /// Runs a subscription and returns its answers as a transport gets them.
    pub fn answers(&self, viewer: Viewer, document: &str, variables: Value) -> BoxStream<'static, ExecutionResult> {
        let request = OperationRequest::new(document).variables(Variables::from_json(variables));
        // The registry of documents is in memory, so preparing does not wait.
        match self.prepare(request).now_or_never().expect("a document of this node") {
            Ok(operation) => {
                let api = self.api.clone();
                async move { api.stream(viewer, operation).await }.flatten_stream().boxed()
            }
            Err(refusal) => stream::iter([refusal.into()]).boxed(),
        }
    }

    /// The viewer of an access token, or the error code.
    pub async fn authenticate(&self, token: &str) -> Result<Viewer, String> {
        match self.api.viewer(Some(&format!("Bearer {token}"))).await {
            Ok(authenticated) => Ok(authenticated.viewer),
            Err(error) => {
                assert!(error.locations.is_empty(), "no place in a document is at fault");
                Err(error_codes(&Response::from_errors(vec![error])).remove(0))
            }
        }
    }

    /// Counts of storage calls by method since the last call of this function.
    pub fn all_storage_calls(&self) -> BTreeMap<&'static str, u64> {
        self.counts.take()
    }

    /// Number of storage calls since the last call of this function, and their names. Calls of the event feed, which
    /// polls the log, are left out.
    pub fn storage_calls(&self) -> (u64, String) {
        let mut calls = self.all_storage_calls();
        calls.retain(|call, _| !["read_log", "log_state", "catch_up_log", "backlog"].contains(call));
        (calls.values().sum(), format!("{calls:?}"))
    }
}

/// The viewer with this id and role, who can only read: no change is made in a session that is not there.
pub fn viewer_with(id: UserId, role: UserRole) -> Viewer {
    Viewer::User { id, role, session: SessionId::generate(Timestamp::from_unix_millis(1)) }
}

/// The `extensions.code` of each error.
pub fn error_codes(response: &Response) -> Vec<String> {
    let code = |error: &async_graphql::ServerError| {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
        code.map_or_else(
            || format!("no code: {}", error.message),
            |code| code.into_json().unwrap().as_str().unwrap().to_owned(),
        )
    };
    response.errors.iter().map(code).collect()
}

/// Receives the next item of a subscription; panics after 60 s.
pub async fn next<T>(stream: &mut BoxStream<'static, T>) -> T {
    let next = tokio::time::timeout(Duration::from_secs(60), stream.next());
    next.await.expect("an update within 60 s").expect("the subscription should go on")
}
