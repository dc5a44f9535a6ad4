//! Runs operations: charges them, executes them with their batched loads and completes the response.
//!
//! Decision: `docs/decisions/0023-what-a-client-may-hold.md`.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use async_graphql::{Request, Response, parser::types::OperationType};
use futures_util::StreamExt;

use super::{
    batched::{BatchedExecution, PendingBatches},
    schema::ExecutableSchema,
};
use crate::{
    domain::Viewer,
    fairness::{Caller, run_for},
    graphql::engine::{
        client_limits::{AnswerMeter, AnswerRefusal, ClientLimits},
        document::PreparedOperation,
        error::{self, ApiError},
        rate_limit::{self, Charged},
    },
    service::{Allowance, Service, ServiceError},
    telemetry::metrics,
};

/// Bytes of an answer that each point of an operation's cost pays for. What is above is charged when it is written.
const BYTES_PER_POINT: usize = 1024;

/// Bytes of what a mutation stores that each point pays for: to store a byte and index its words takes some sixteen times
/// as long as to answer it.
const STORED_BYTES_PER_POINT: usize = 64;

/// Runs operations.
pub struct OperationExecutor {
    pub schema: Box<dyn ExecutableSchema>,
    pub service: Arc<Service>,
    pub limits: Arc<ClientLimits>,
    /// Operations that take longer are logged.
    pub slow: Duration,
}

impl OperationExecutor {
    /// Runs a query or mutation. A query stops as soon as its answer exceeds a budget. A mutation runs to its end, since
    /// its fields change something whether or not they can be answered; its fields then have the error.
    pub async fn execute(&self, viewer: Viewer, operation: &PreparedOperation) -> Response {
        let measured = operation.start_timer(self.slow);
        let (allowance, meter) = match self.begin(viewer, operation).await {
            Ok(begun) => begun,
            Err(refusal) => {
                measured.end(error::outcome_label(&refusal.errors));
                return refusal;
            }
        };
        let (request, batches) = self.request(viewer, operation, &meter);
        let execution = BatchedExecution::new(self.schema.execute(request), batches);
        let runs_to_its_end = operation.kind() == OperationType::Mutation;
        let caller = Caller::new(&viewer, operation.client());
        let response = run_for(caller, measured.run(first_response(execution, &meter, runs_to_its_end))).await;
        let response = response.map(|response| complete(response, operation, &meter));
        metrics().answer_bytes.inc_by(meter.written() as u64);
        let work = meter.written() / BYTES_PER_POINT + measured.written() / STORED_BYTES_PER_POINT;
        let charged = self.charge_work(viewer, operation, allowance, work as u64).await;
        let response = match (meter.refusal().filter(|_| !runs_to_its_end), response) {
            (Some(refusal), _) => refused(refusal, operation, charged),
            (None, Some(mut response)) => {
                rate_limit::attach_rate_limit(&mut response, operation, charged);
                response
            }
            (None, None) => error::no_response(),
        };
        measured.end(error::outcome_label(&response.errors));
        response
    }

    /// Charges an operation and waits until there is room for its answer. Fails with the response that refuses it.
    async fn begin(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
    ) -> Result<(Option<Allowance>, Arc<AnswerMeter>), Response> {
        let allowance = self.charge(viewer, operation).await?;
        let answers = &self.limits.answers;
        let held = answers.admit(Caller::new(&viewer, operation.client())).await;
        let held = held.map_err(|refusal| refused(refusal, operation, Charged { allowance, afterwards: 0 }))?;
        Ok((allowance, AnswerMeter::new(answers.limits().answer, held)))
    }

    /// Takes the operation's cost from its sender's allowance, and returns what is left; `None` when there is no limit
    /// for them. Then registers the document if the request asks for that. Fails with the response that refuses the
    /// operation.
    pub async fn charge(&self, viewer: Viewer, operation: &PreparedOperation) -> Result<Option<Allowance>, Response> {
        let charged = self.service.charge(&viewer, operation.client(), operation.cost()).await;
        if charged.is_ok() {
            operation.register(Caller::new(&viewer, operation.client())).await;
        }
        charged.map_err(|error| {
            let allowance = match &error {
                ServiceError::RateLimited { allowance, .. } => Some(*allowance),
                _ => None,
            };
            let mut response = Response::from_errors(vec![ApiError::from(error).into_server_error()]);
            rate_limit::attach_rate_limit(&mut response, operation, Charged { allowance, afterwards: 0 });
            response
        })
    }

    /// Charges the points of work that the cost of an operation does not pay for.
    async fn charge_work(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
        allowance: Option<Allowance>,
        points: u64,
    ) -> Charged {
        let afterwards = points.saturating_sub(operation.cost());
        let allowance = match allowance {
            Some(_) if afterwards > 0 => self.service.charge_afterwards(&viewer, operation.client(), afterwards).await,
            allowance => allowance,
        };
        Charged { allowance, afterwards }
    }

    /// Charges the bytes of updates to the sender of their subscription.
    pub async fn charge_updates(&self, viewer: Viewer, operation: &PreparedOperation, bytes: usize) {
        let points = (bytes / BYTES_PER_POINT) as u64;
        self.service.charge_afterwards(&viewer, operation.client(), points).await;
    }

    /// Runs a subscription until its first response, if it has one. `mode` is request data for the root field.
    pub async fn run_subscription<M: Send + Sync + 'static>(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
        mode: M,
    ) -> Option<Response> {
        let answers = &self.limits.answers;
        let caller = Caller::new(&viewer, operation.client());
        let held = answers.for_client(caller);
        let meter = AnswerMeter::new(answers.limits().answer, held);
        let (request, batches) = self.request(viewer, operation, &meter);
        let execution = BatchedExecution::new(self.schema.subscribe(request.data(mode)), batches);
        let response = run_for(caller, first_response(execution, &meter, false)).await;
        metrics().answer_bytes.inc_by(meter.written() as u64);
        let charged = Charged { allowance: None, afterwards: 0 };
        if let Some(refusal) = meter.refusal() {
            return Some(refused(refusal, operation, charged));
        }
        let mut response = complete(response?, operation, &meter);
        rate_limit::attach_rate_limit(&mut response, operation, charged);
        Some(response)
    }

    /// The request with the data its resolvers need, and the batches they push their loads to.
    fn request(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
        meter: &Arc<AnswerMeter>,
    ) -> (Request, PendingBatches) {
        let batches = PendingBatches::default();
        let request = operation.request().data(meter.clone());
        (self.schema.with_context(request, viewer, operation.client(), batches.clone()), batches)
    }
}

/// The first response of an execution. Without `runs_to_its_end` the execution is dropped as soon as the meter refuses
/// to count more.
async fn first_response(
    mut execution: BatchedExecution<Response>,
    meter: &AnswerMeter,
    runs_to_its_end: bool,
) -> Option<Response> {
    poll_fn(|cx| {
        let polled = execution.poll_next_unpin(cx);
        let stops = !runs_to_its_end && meter.refusal().is_some();
        if stops { Poll::Ready(None) } else { polled }
    })
    .await
}

/// The response to an operation whose answer exceeds a budget.
fn refused(refusal: AnswerRefusal, operation: &PreparedOperation, charged: Charged) -> Response {
    let mut response = Response::from_errors(vec![refusal.to_error()]);
    rate_limit::attach_rate_limit(&mut response, operation, charged);
    response
}

/// The response as clients get it, but for the rate limit.
fn complete(mut response: Response, operation: &PreparedOperation, meter: &AnswerMeter) -> Response {
    operation.add_introspection(&mut response, meter);
    operation.plan().shape(&mut response);
    operation.explain_argument_errors(&mut response);
    error::add_codes(&mut response);
    error::limit(&mut response.errors);
    response
}
