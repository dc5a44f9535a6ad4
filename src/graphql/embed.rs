//! The API as an [`async_graphql::Executor`]: any integration of that library can serve it, in a server of your own.
//! `examples/embed.rs` does so with `async-graphql-axum`.
//!
//! Operations are prepared and run as for our own transports: validated, limited in size, cost and the bytes of the answer,
//! charged to the sender's rate limit; open subscriptions are limited. Two values in the data of a request or of a WebSocket session say who sends it:
//! - [`ViewerSession`], from [`Api::authenticate`]. Without it the viewer is anonymous. A subscription ends with
//!   UNAUTHENTICATED when the token expires or the viewer's rights end, so the client must subscribe again with a
//!   fresh token and its last cursor.
//! - [`ClientAddress`], to which operations of anonymous viewers are charged. Without it they are not limited.
//!
//! What our transports limit besides is up to the embedding server: the size and time of requests, requests by client
//! address, open connections and operations by user and address, origins, batches (each operation of a batch is limited
//! by itself). Not available this way: tickets, `Last-Event-ID`, fresh tokens on an open socket, headers with rate
//! limits, and updates that are serialised once for all subscribers.

use std::{any::TypeId, future, sync::Arc, time::Duration};

use async_graphql::{Data, Executor, Request, Response, ServerError, Value};
use futures_util::{StreamExt, future::select, stream, stream::BoxStream};
use serde::Deserialize;

use super::{Api, ApiError, Endpoint, ExecutionResult, OperationRequest, ResultBody, ViewerSession};
use crate::{
    domain::{ClientAddress, Clock, SystemClock, Timestamp, Viewer},
    service::ServiceError,
};

impl Api {
    /// The sender of a request. `authorization` is `Bearer` and an access token; without it the viewer is anonymous.
    /// Errors: UNAUTHENTICATED for a token that is not valid, UNAVAILABLE.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<ViewerSession, ServerError> {
        self.viewer(authorization).await
    }
}

impl Executor for Api {
    async fn execute(&self, request: Request) -> Response {
        let sender = Sender::new(&request.data, None);
        match self.prepare(operation_request(request), sender.client).await {
            Ok(operation) => Endpoint::execute(self, sender.viewer, operation).await,
            Err(refusal) => refusal,
        }
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let (api, sender) = (self.clone(), Sender::new(&request.data, session_data.as_deref()));
        stream::once(async move {
            let operation = match api.prepare(operation_request(request), sender.client).await {
                Ok(operation) => operation,
                Err(refusal) => return stream::iter([refusal]).boxed(),
            };
            let results = api.stream(sender.viewer, operation).await.map(into_response).boxed();
            until_rights_end(api, sender, results)
        })
        .flatten()
        .boxed()
    }
}

/// The sender of an operation.
struct Sender {
    viewer: Viewer,
    expires_at: Option<Timestamp>,
    client: Option<ClientAddress>,
}

impl Sender {
    fn new(request: &Data, session: Option<&Data>) -> Self {
        let authenticated: Option<ViewerSession> = find(request, session);
        Self {
            viewer: authenticated.map_or(Viewer::Anonymous, |session| session.viewer),
            expires_at: authenticated.and_then(|session| session.expires_at),
            client: find(request, session),
        }
    }
}

/// A value of the request's data, or else of the session's.
fn find<T: Copy + 'static>(request: &Data, session: Option<&Data>) -> Option<T> {
    let id = TypeId::of::<T>();
    request.get(&id).or_else(|| session?.get(&id))?.downcast_ref().copied()
}

fn operation_request(request: Request) -> OperationRequest {
    OperationRequest {
        query: Some(request.query).filter(|query| !query.is_empty()),
        document_id: None,
        operation_name: request.operation_name,
        variables: request.variables,
        extensions: request.extensions.0,
        client: None,
    }
}

/// Passes on `results` until the sender's rights end, and says so in a last response.
fn until_rights_end(api: Api, sender: Sender, results: BoxStream<'static, Response>) -> BoxStream<'static, Response> {
    let ended = async move {
        let expired = Box::pin(async {
            match sender.expires_at {
                Some(time) => tokio::time::sleep(until(time)).await,
                None => future::pending().await,
            }
        });
        select(api.rights_ended(sender.viewer), expired).await;
    };
    let results = results.take_until(Box::pin(ended));
    stream::unfold(Some(results), async |results| {
        let mut results = results?;
        match results.next().await {
            Some(response) => Some((response, Some(results))),
            None => results.take_result().map(|()| (unauthenticated(), None)),
        }
    })
    .boxed()
}

fn until(time: Timestamp) -> Duration {
    let left = time.unix_millis().saturating_sub(SystemClock.now().unix_millis());
    Duration::from_millis(left.max(0).cast_unsigned())
}

fn unauthenticated() -> Response {
    let error = ServiceError::Unauthenticated("the token has expired or the session has ended; subscribe again");
    Response::from_errors(vec![ApiError::from(error).into_server_error()])
}

fn into_response(result: ExecutionResult) -> Response {
    /// A response without errors, as it was serialised.
    #[derive(Deserialize)]
    struct SerialisedResponse {
        data: Value,
        #[serde(default)]
        extensions: std::collections::BTreeMap<String, Value>,
    }
    match result.body {
        ResultBody::Response(response) => *response,
        ResultBody::Json(json) => match serde_json::from_str(json.get()) {
            Ok(SerialisedResponse { data, extensions }) => {
                let mut response = Response::new(data);
                response.extensions = extensions;
                response
            }
            Err(error) => Response::from_errors(vec![ApiError::internal(&error).into_server_error()]),
        },
    }
}
