//! Runs operations: charges them, executes them with their batched loads and completes the response.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Response};
use futures_util::StreamExt;

use super::{
    batched::{BatchedExecution, PendingBatches},
    schema::ExecutableSchema,
};
use crate::{
    domain::Viewer,
    fairness::{Caller, run_for},
    graphql::engine::{
        document::PreparedOperation,
        error::{self, ApiError},
        rate_limit,
    },
    service::{Allowance, Service, ServiceError},
};

/// Runs operations.
pub struct OperationExecutor {
    pub schema: Box<dyn ExecutableSchema>,
    pub service: Arc<Service>,
    /// Operations that take longer are logged.
    pub slow: Duration,
}

impl OperationExecutor {
    /// Runs a query or mutation.
    pub async fn execute(&self, viewer: Viewer, operation: &PreparedOperation) -> Response {
        let measured = operation.start_timer(self.slow);
        let allowance = match self.charge(viewer, operation).await {
            Ok(allowance) => allowance,
            Err(refusal) => {
                measured.end(error::outcome_label(&refusal.errors));
                return refusal;
            }
        };
        let (request, batches) = self.request(viewer, operation);
        let mut execution = BatchedExecution::new(self.schema.execute(request), batches);
        let caller = Caller::new(&viewer, operation.client());
        let response = run_for(caller, measured.run(execution.next())).await;
        let response = complete(response.unwrap_or_else(error::no_response), operation, allowance);
        measured.end(error::outcome_label(&response.errors));
        response
    }

    /// Takes the operation's cost from its sender's allowance, and returns what is left; `None` when there is no limit
    /// for them. Fails with the response that refuses it.
    pub async fn charge(&self, viewer: Viewer, operation: &PreparedOperation) -> Result<Option<Allowance>, Response> {
        self.service.charge(&viewer, operation.client(), operation.cost()).await.map_err(|error| {
            let allowance = match &error {
                ServiceError::RateLimited { allowance, .. } => Some(*allowance),
                _ => None,
            };
            let mut response = Response::from_errors(vec![ApiError::from(error).into_server_error()]);
            rate_limit::attach_rate_limit(&mut response, operation, allowance);
            response
        })
    }

    /// Runs a subscription until its first response, if it has one. `mode` is request data for the root field.
    pub async fn run_subscription<M: Send + Sync + 'static>(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
        mode: M,
    ) -> Option<Response> {
        let (request, batches) = self.request(viewer, operation);
        let mut execution = BatchedExecution::new(self.schema.subscribe(request.data(mode)), batches);
        let response = run_for(Caller::new(&viewer, operation.client()), execution.next()).await?;
        Some(complete(response, operation, None))
    }

    /// The request with the data its resolvers need, and the batches they push their loads to.
    fn request(&self, viewer: Viewer, operation: &PreparedOperation) -> (Request, PendingBatches) {
        let batches = PendingBatches::default();
        let request = operation.request();
        (self.schema.with_context(request, viewer, operation.client(), batches.clone()), batches)
    }
}

/// The response as clients get it, with the rate limit attached.
fn complete(mut response: Response, operation: &PreparedOperation, allowance: Option<Allowance>) -> Response {
    operation.add_introspection(&mut response);
    operation.plan().shape(&mut response);
    operation.explain_argument_errors(&mut response);
    error::add_codes(&mut response);
    error::limit(&mut response.errors);
    rate_limit::attach_rate_limit(&mut response, operation, allowance);
    response
}
