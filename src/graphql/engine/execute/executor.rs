//! Runs operations: charges them, executes them with their batched loads and completes the response.
//!
//! Decisions: `docs/decisions/0023-what-a-client-may-hold.md`, `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use async_graphql::{Request, Response, parser::types::OperationType, value};
use futures_util::StreamExt;

use super::{
    batched::{BatchedExecution, PendingBatches},
    charge::{UnchargedWork, points_for_bytes, points_for_rows},
    schema::ExecutableSchema,
};
use crate::{
    domain::Viewer,
    fairness::{Caller, CoreTurn, run_metered},
    graphql::engine::{
        client_limits::{AnswerMeter, AnswerRefusal, ClientLimits, LoadMeter},
        document::PreparedOperation,
        error::{self, ApiError},
        rate_limit::{self, Charged},
    },
    service::{Allowance, ReadAt, Service, ServiceError},
    telemetry::metrics,
};

/// Runs operations.
pub struct OperationExecutor {
    pub schema: Box<dyn ExecutableSchema>,
    pub service: Arc<Service>,
    pub limits: Arc<ClientLimits>,
    /// Operations that take longer are logged.
    pub slow: Duration,
}

impl OperationExecutor {
    /// Runs a query or mutation. A query stops as soon as its answer, or what is loaded for it, exceeds a budget. A mutation
    /// runs to its end, since its fields change something whether or not they can be answered; its fields then have the
    /// error.
    pub async fn execute(&self, viewer: Viewer, operation: &PreparedOperation) -> Response {
        let measured = operation.start_timer(self.slow);
        let (allowance, meter, read_from) = match self.begin(viewer, operation).await {
            Ok(begun) => begun,
            Err(refusal) => {
                measured.end(error::outcome_label(&refusal.errors));
                return refusal;
            }
        };
        let caller = operation.caller(&viewer);
        let loads = LoadMeter::new(&self.limits.answers, caller);
        let work = UnchargedWork::new(&self.service, viewer, operation, allowance, (&meter, &loads), &measured);
        let (request, batches) = self.request(viewer, operation, &meter, &loads);
        let execution = BatchedExecution::new(self.schema.execute(request), batches);
        let runs_to_its_end = operation.kind() == OperationType::Mutation;
        let refusal = || meter.refusal().or_else(|| loads.refusal()).filter(|_| !runs_to_its_end);
        let run = measured.run(first_response(execution, caller, &meter, refusal));
        let response = run_metered(caller, loads.clone(), read_from.run(run)).await;
        let response = response.map(|response| complete(response, operation, &meter));
        metrics().answer_bytes.inc_by(meter.written() as u64);
        let charged = work.charge().await;
        let response = match (refusal(), response) {
            (Some(refusal), _) => refused(refusal, operation, charged),
            (None, Some(mut response)) => {
                rate_limit::attach_rate_limit(&mut response, operation, charged);
                if operation.kind() == OperationType::Mutation {
                    let token = self.service.consistency_token().to_string();
                    response.extensions.insert("consistency".to_owned(), value!({ "token": token }));
                }
                response
            }
            (None, None) => error::no_response(),
        };
        measured.end(error::outcome_label(&response.errors));
        response
    }

    /// Charges an operation, and waits until it can see what it must and there is room for its answer. Fails with the
    /// response that refuses it.
    async fn begin(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
    ) -> Result<(Option<Allowance>, Arc<AnswerMeter>, ReadAt), Response> {
        let allowance = self.charge(viewer, operation).await?;
        let read_from = match operation.consistency() {
            None => ReadAt::Anywhere,
            Some(token) => self.service.wait_for(token).await.map_err(|error| {
                let mut response = Response::from_errors(vec![ApiError::from(error).into_server_error()]);
                rate_limit::attach_rate_limit(&mut response, operation, Charged { allowance, afterwards: 0 });
                response
            })?,
        };
        let answers = &self.limits.answers;
        let held = answers.admit(operation.caller(&viewer)).await;
        // The variables are in memory until the operation ends.
        let held = held.and_then(|mut held| held.try_add(operation.variables_size()).map(|()| held));
        let held = held.map_err(|refusal| refused(refusal, operation, Charged { allowance, afterwards: 0 }))?;
        Ok((allowance, AnswerMeter::new(answers.limits().answer, held), read_from))
    }

    /// Takes the operation's cost from its sender's allowance, and returns what is left; `None` when there is no limit
    /// for them. Then registers the document if the request asks for that. Fails with the response that refuses the
    /// operation.
    pub async fn charge(&self, viewer: Viewer, operation: &PreparedOperation) -> Result<Option<Allowance>, Response> {
        let charged = self.service.charge(&viewer, operation.client(), operation.cost()).await;
        if charged.is_ok() {
            operation.register(operation.caller(&viewer)).await;
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

    /// Charges the bytes of updates to the sender of their subscription.
    pub async fn charge_updates(&self, viewer: Viewer, operation: &PreparedOperation, bytes: usize) {
        self.service.charge_afterwards(&viewer, operation.client(), points_for_bytes(bytes)).await;
    }

    /// Runs a subscription until its first response, if it has one. `mode` is request data for the root field. The rows that
    /// this makes the database examine are charged to its sender, also if others get the same update.
    pub async fn run_subscription<M: Send + Sync + 'static>(
        &self,
        viewer: Viewer,
        operation: &PreparedOperation,
        mode: M,
    ) -> Option<Response> {
        let answers = &self.limits.answers;
        let caller = operation.caller(&viewer);
        let meter = AnswerMeter::new(answers.limits().answer, answers.for_client(caller));
        let loads = LoadMeter::new(answers, caller);
        let (request, batches) = self.request(viewer, operation, &meter, &loads);
        let execution = BatchedExecution::new(self.schema.subscribe(request.data(mode)), batches);
        let refusal = || meter.refusal().or_else(|| loads.refusal());
        let run = ReadAt::Anywhere.run(first_response(execution, caller, &meter, refusal));
        let response = run_metered(caller, loads.clone(), run).await;
        metrics().answer_bytes.inc_by(meter.written() as u64);
        let rows = points_for_rows(&loads, operation);
        if rows > 0 {
            self.service.charge_afterwards(&viewer, operation.client(), rows).await;
        }
        let charged = Charged { allowance: None, afterwards: 0 };
        if let Some(refusal) = refusal() {
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
        loads: &Arc<LoadMeter>,
    ) -> (Request, PendingBatches) {
        let batches = PendingBatches::default();
        let request = operation.request().data(meter.clone()).data(loads.clone());
        (self.schema.with_context(request, viewer, operation.client(), batches.clone()), batches)
    }
}

/// The first response of an execution, which is dropped as soon as it is refused. The execution goes on in turns of its
/// caller: all of it waits, so no batch of loads starts before its keys are complete.
async fn first_response(
    mut execution: BatchedExecution<Response>,
    caller: Caller,
    meter: &AnswerMeter,
    refusal: impl Fn() -> Option<AnswerRefusal>,
) -> Option<Response> {
    let mut turn = CoreTurn::default();
    poll_fn(|cx| {
        if meter.turn_is_over() {
            ready!(turn.poll(caller, cx));
            meter.begin_turn();
        }
        let polled = execution.poll_next_unpin(cx);
        if refusal().is_some() { Poll::Ready(None) } else { polled }
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
    if !operation.has_locations() {
        error::remove_locations(&mut response.errors);
    }
    error::add_codes(&mut response);
    error::limit(&mut response.errors);
    response
}
