//! A time limit on everything that a client asks of the API. The events of an open subscription are not limited.

use std::{sync::Arc, time::Duration};

use async_graphql::{Response, ServerError, parser::types::OperationType};
use async_trait::async_trait;
use futures_util::stream;
use tokio::time::{Instant, error::Elapsed, timeout_at};

use crate::{
    domain::{ClientAddress, Viewer},
    fairness::run_until,
    graphql::{
        Authenticated, BoxResultStream, ClientLimits, Endpoint, OperationRequest, PreparedOperation, PublicAnswers,
        Readiness, code::UNAVAILABLE, results,
    },
    http::graphql_error::coded,
    telemetry::metrics,
};

/// An [`Endpoint`] that drops calls which take longer than `limit`. A dropped call stops where it waits. A write that
/// has reached the storage engine is completed or rolled back there.
pub(in crate::http) struct TimeLimitedEndpoint {
    endpoint: Arc<dyn Endpoint>,
    limit: Duration,
}

impl TimeLimitedEndpoint {
    pub(in crate::http) fn new(endpoint: Arc<dyn Endpoint>, limit: Duration) -> Self {
        Self { endpoint, limit }
    }

    /// Runs `work`, and gives it up after the limit; the storage engines stop its reads then.
    async fn limited<T>(&self, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        let deadline = Instant::now() + self.limit;
        timeout_at(deadline, run_until(deadline, work)).await
    }

    async fn limit_check<T>(&self, check: impl Future<Output = Result<T, ServerError>>) -> Result<T, ServerError> {
        let late = |_| Err(coded(format!("The token could not be checked within {:?}.", self.limit), UNAVAILABLE));
        self.limited(check).await.unwrap_or_else(late)
    }
}

/// The response to an operation that exceeded the limit.
fn timed_out(kind: OperationType, limit: Duration) -> Response {
    metrics().refusals.with_labels(["operation_time"]).inc();
    tracing::warn!(%kind, ?limit, "an operation took too long and was given up");
    let message = match kind {
        OperationType::Mutation => format!(
            "The mutation took longer than {limit:?} and was given up: its outcome is unknown. Send it again with the \
             same idempotency key, or look at what it would have changed."
        ),
        OperationType::Query => {
            format!("The query took longer than {limit:?} and was given up. Ask for less, or try again later.")
        }
        OperationType::Subscription => {
            format!("The subscription took longer than {limit:?} to open and was given up. Try again later.")
        }
    };
    Response::from_errors(vec![coded(message, UNAVAILABLE)])
}

#[async_trait]
impl Endpoint for TimeLimitedEndpoint {
    async fn viewer(&self, authorization: Option<&str>) -> Result<Authenticated, ServerError> {
        self.limit_check(self.endpoint.viewer(authorization)).await
    }

    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: [u8; 32],
        resumes: bool,
    ) -> Result<Authenticated, ServerError> {
        self.limit_check(self.endpoint.authenticate_ticket(ticket, operation, resumes)).await
    }

    async fn rights_ended(&self, viewer: Viewer) {
        self.endpoint.rights_ended(viewer).await;
    }

    async fn prepare(
        &self,
        request: OperationRequest,
        client: Option<ClientAddress>,
    ) -> Result<PreparedOperation, Response> {
        match self.limited(self.endpoint.prepare(request, client)).await {
            Ok(prepared) => prepared,
            Err(_) => Err(timed_out(OperationType::Query, self.limit)),
        }
    }

    async fn execute(&self, viewer: Viewer, operation: PreparedOperation) -> Response {
        let kind = operation.kind();
        let response = self.limited(self.endpoint.execute(viewer, operation)).await;
        response.unwrap_or_else(|_| timed_out(kind, self.limit))
    }

    async fn stream(&self, viewer: Viewer, operation: PreparedOperation) -> BoxResultStream {
        let kind = operation.kind();
        let answers = self.limited(self.endpoint.stream(viewer, operation)).await;
        answers.unwrap_or_else(|_| results(stream::iter([timed_out(kind, self.limit).into()])))
    }

    fn client_limits(&self) -> &Arc<ClientLimits> {
        self.endpoint.client_limits()
    }

    fn public_answers(&self) -> Option<&PublicAnswers> {
        self.endpoint.public_answers()
    }

    fn sdl(&self) -> String {
        self.endpoint.sdl()
    }

    async fn readiness(&self) -> Readiness {
        self.endpoint.readiness().await
    }
}
