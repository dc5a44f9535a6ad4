//! Operations that are ready to run.

use std::{sync::Arc, time::Duration};

use async_graphql::{Name, Request, Value, Variables, parser::types::OperationType};

use super::{shape::Shape, validated_operation::ValidatedOperation};
use crate::{
    domain::{ClientAddress, EventCursor},
    graphql::engine::resume::ResumeAfter,
    service::{OperationHash, fingerprint},
    telemetry,
};

/// An operation with its variables that passed every check and can be run.
#[derive(Clone)]
pub struct PreparedOperation {
    pub(super) operation: Arc<ValidatedOperation>,
    /// The declared variables, defaults included.
    pub(super) variables: Variables,
    pub(super) cost: u64,
    pub(super) cost_limit: usize,
    /// Whether the client asks for the cost in the response.
    pub(super) reports_cost: bool,
    pub(super) resume: Option<EventCursor>,
    pub(super) client: Option<ClientAddress>,
}

impl PreparedOperation {
    /// Whether it is a query, a mutation or a subscription.
    pub fn kind(&self) -> OperationType {
        self.operation.kind
    }

    /// Whether it is a subscription.
    pub fn subscribes(&self) -> bool {
        self.kind() == OperationType::Subscription
    }

    /// Cost of the operation with its variables, see `docs/cost.md`; at most `limits.cost`.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The text of the document.
    pub fn text(&self) -> &str {
        &self.operation.text
    }

    /// Hash of the document, the operation name and the variables; the ticket of an event stream is bound to it.
    pub fn hash(&self) -> OperationHash {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}:{value}"));
        fingerprint([self.text().to_owned(), self.name().to_owned()].into_iter().chain(variables))
    }

    /// Makes the subscription resume after this event, whatever its arguments say.
    #[must_use]
    pub fn resume_after(self, cursor: EventCursor) -> Self {
        Self { resume: Some(cursor), ..self }
    }

    /// Builds the request for an executor of the same schema, which need not validate the document again.
    pub fn request(&self) -> Request {
        let mut request = Request::new("").variables(self.variables.clone());
        request.set_parsed_query(self.operation.executable.clone());
        match self.resume {
            Some(cursor) => request.data(ResumeAfter(cursor)),
            None => request,
        }
    }

    /// The limit on the cost of an operation.
    pub(crate) fn cost_limit(&self) -> usize {
        self.cost_limit
    }

    /// Whether the client asks for the cost in the response.
    pub(crate) fn reports_cost(&self) -> bool {
        self.reports_cost
    }

    /// Sets the address of the client.
    #[must_use]
    pub(crate) fn sent_from(self, client: Option<ClientAddress>) -> Self {
        Self { client, ..self }
    }

    /// Address of the client; `None` if clients are not rate-limited by address.
    pub(crate) fn client(&self) -> Option<ClientAddress> {
        self.client
    }

    /// The operation name of the request; empty if it has none.
    pub(crate) fn name(&self) -> &str {
        self.operation.name.as_deref().unwrap_or_default()
    }

    /// Starts the timer that measures the operation, and logs it if it takes longer than `slow`.
    pub(crate) fn start_timer(&self, slow: Duration) -> telemetry::OperationTimer {
        let kind = match self.kind() {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        telemetry::OperationTimer::start(&self.operation.label, kind, slow)
    }

    /// The shape of the results.
    pub(crate) fn shape(&self) -> &Shape {
        &self.operation.shape
    }

    /// The variables that the content of a subscription's updates depends on.
    pub(crate) fn update_variables(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.variables.iter().filter(|(name, _)| self.operation.update_variables.variables.contains(*name))
    }
}

impl std::fmt::Debug for PreparedOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreparedOperation")
            .field("text", &self.text())
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
