//! The GraphQL API in this process, over a real store, with the storage calls counted.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, time::Duration};

use async_graphql::{Response, Variables};
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use orderwire::{
    auth::{AccessTokens, PasswordCost, Passwords},
    cluster::local::LocalBus,
    domain::{SessionId, SystemClock, Timestamp, User, UserId, UserRole, Viewer},
    graphql::{Answer, Api, ApiOptions, Body, DocumentOptions, Endpoint, OperationRequest, Prepared},
    service::{
        RateLimits, Registration, Service, ServiceOptions,
        feed::{EventFeed, FeedOptions},
    },
    storage::{CallCounts, Observed, Store},
};
use serde_json::{Value, json};

/// The password of everyone that [`TestApi::join`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// The API over a store, and what to drive it with.
pub struct TestApi {
    api: Arc<Api>,
    /// The use cases beneath.
    pub service: Arc<Service>,
    /// The store beneath, whose calls are counted.
    pub store: Arc<dyn Store>,
    counts: CallCounts,
}

impl TestApi {
    /// The API over `store`.
    pub async fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, DocumentOptions::default()).await
    }

    /// The same with documents treated like this.
    pub async fn with(store: Arc<dyn Store>, documents: DocumentOptions) -> Self {
        let counts = CallCounts::default();
        let store: Arc<dyn Store> = Arc::new(Observed::new(store, Some(counts.clone())));
        let feed = EventFeed::start(store.clone(), Arc::new(LocalBus::new()), FeedOptions::default()).await.unwrap();
        let cheap = PasswordCost { memory: 8, passes: 1, lanes: 1 };
        let day = Duration::from_secs(86_400);
        let service = Arc::new(Service::new(
            store.clone(),
            feed,
            Arc::new(SystemClock),
            AccessTokens::hs256(&[7; 32]).unwrap(),
            Passwords::new(cheap, NonZeroUsize::MIN).unwrap(),
            ServiceOptions {
                session_lifetime: day,
                log_retention: 7 * day,
                idempotency_retention: day,
                limits: RateLimits::default(),
            },
        ));
        let api = Api::new(service.clone(), ApiOptions { introspection: true, documents, slow: None }).unwrap();
        Self { api: Arc::new(api), service, store, counts }
    }

    /// A new user `NAME@example.com`.
    pub async fn join(&self, name: &str, role: UserRole) -> User {
        let registration = Registration {
            email: format!("{name}@example.com"),
            name: name.to_owned(),
            region: Some("United Kingdom".to_owned()),
            password: Some(PASSWORD.to_owned()),
        };
        self.service.create_user(&Viewer::System, registration, role).await.unwrap()
    }

    /// A new user, as the viewer of requests.
    pub async fn viewer(&self, name: &str, role: UserRole) -> Viewer {
        viewer_of(&self.join(name, role).await)
    }

    /// The whole response to a query or mutation.
    pub async fn response(&self, viewer: Viewer, document: &str, variables: Value) -> Response {
        self.run(viewer, OperationRequest::new(document).variables(Variables::from_json(variables))).await
    }

    /// The whole response to a request for a query or mutation.
    pub async fn run(&self, viewer: Viewer, request: OperationRequest) -> Response {
        match self.prepare(request).await {
            Ok(operation) => self.api.execute(viewer, operation).await,
            Err(refusal) => refusal,
        }
    }

    /// A request as an operation that can be run, or the response that refuses it.
    pub async fn prepare(&self, request: OperationRequest) -> Result<Prepared, Response> {
        self.api.prepare(request, None).await
    }

    /// The schema in the schema definition language.
    pub fn sdl(&self) -> String {
        self.api.sdl()
    }

    /// The data of a response without errors.
    pub async fn data(&self, viewer: Viewer, document: &str, variables: Value) -> Value {
        let response = self.response(viewer, document, variables).await;
        assert!(response.errors.is_empty(), "{document}: {:?}", response.errors);
        response.data.into_json().unwrap()
    }

    /// The id of a new product, made of a `CreateProductInput` by someone who may.
    pub async fn product(&self, staff: Viewer, input: Value) -> Value {
        let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) {
            product { id } userErrors { message } } }";
        let made = self.data(staff, create, json!({ "input": input })).await["createProduct"].clone();
        assert_eq!(made["userErrors"], json!([]));
        made["product"]["id"].clone()
    }

    /// The `extensions.code` of each error of a response.
    pub async fn codes(&self, viewer: Viewer, document: &str, variables: Value) -> Vec<String> {
        error_codes(&self.response(viewer, document, variables).await)
    }

    /// The responses of a subscription.
    pub fn stream(&self, viewer: Viewer, document: &str, variables: Value) -> BoxStream<'static, Response> {
        let response = |answer: Answer| match answer.body {
            Body::Response(response) => *response,
            Body::Written(json) => serde_json::from_str(json.get()).unwrap(),
        };
        self.answers(viewer, document, variables).map(response).boxed()
    }

    /// The answers to a subscription, as a transport gets them.
    pub fn answers(&self, viewer: Viewer, document: &str, variables: Value) -> BoxStream<'static, Answer> {
        let request = OperationRequest::new(document).variables(Variables::from_json(variables));
        // Nothing that is in memory is waited for.
        match self.prepare(request).now_or_never().expect("a document of this node") {
            Ok(operation) => {
                let api = self.api.clone();
                async move { api.stream(viewer, operation).await }.flatten_stream().boxed()
            }
            Err(refusal) => stream::iter([refusal.into()]).boxed(),
        }
    }

    /// Who sends a request with this access token, or the code of the refusal.
    pub async fn authenticate(&self, token: &str) -> Result<Viewer, String> {
        match self.api.viewer(Some(&format!("Bearer {token}"))).await {
            Ok(authenticated) => Ok(authenticated.viewer),
            Err(error) => {
                assert!(error.locations.is_empty(), "no place in a document is at fault");
                Err(error_codes(&Response::from_errors(vec![error])).remove(0))
            }
        }
    }

    /// How many storage calls of each kind there were since this was asked last.
    pub fn all_storage_calls(&self) -> BTreeMap<&'static str, u64> {
        self.counts.take()
    }

    /// How many storage calls there were since this was asked last, and which; without those of the event feed, which
    /// looks at the log by itself.
    pub fn storage_calls(&self) -> (u64, String) {
        let mut calls = self.all_storage_calls();
        calls.retain(|call, _| !["read_log", "log_state"].contains(call));
        (calls.values().sum(), format!("{calls:?}"))
    }
}

/// A user as the viewer of requests, in a session that nothing checks.
pub fn viewer_of(user: &User) -> Viewer {
    viewer_with(user.id, user.role)
}

/// The viewer with this id and role.
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

/// The next item of a subscription, within 60 s.
pub async fn next<T>(stream: &mut BoxStream<'static, T>) -> T {
    let next = tokio::time::timeout(Duration::from_secs(60), stream.next());
    next.await.expect("an update within 60 s").expect("the subscription should go on")
}
