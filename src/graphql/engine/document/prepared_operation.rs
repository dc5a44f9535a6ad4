//! Operations that are ready to run.

use std::{sync::Arc, time::Duration};

use async_graphql::{Name, PathSegment, Request, Response, Value, Variables, parser::types::OperationType};

use super::{
    executable, introspection,
    plan::{Plan, PlannedField},
    registry::Registration,
    types::SchemaTypes,
    validated_operation::{PricedPlan, ValidatedOperation},
    values::{ValuePath, coerce, substitute},
};
use crate::{
    domain::{ClientAddress, ConsistencyToken, EventCursor, Viewer},
    fairness::Caller,
    graphql::engine::{
        answer_reads::AnswerReads,
        client_limits::{AnswerMeter, AnswerRefusal},
        json::raw_value,
        resume::ResumeAfter,
    },
    service::{OperationHash, fingerprint},
    telemetry,
};

/// An operation with its variables that passed every check and can be run.
#[derive(Clone)]
pub struct PreparedOperation {
    pub(super) types: Arc<SchemaTypes>,
    pub(super) operation: Arc<ValidatedOperation>,
    /// The plan for the values of the variables.
    pub(super) plan: Arc<PricedPlan>,
    /// The declared variables, defaults included.
    pub(super) variables: Variables,
    pub(super) cost: u64,
    pub(super) cost_limit: usize,
    /// Whether the client asks for the cost in the response.
    pub(super) reports_cost: bool,
    pub(super) resume: Option<EventCursor>,
    /// What its reads must see at least.
    pub(super) consistency: Option<ConsistencyToken>,
    pub(super) client: Option<ClientAddress>,
    /// Set if the request registers the document.
    pub(super) registration: Option<Arc<Registration>>,
    /// Whether objects may be written as JSON directly.
    pub(super) direct_json: bool,
    /// Whether errors have locations: in the text that the client sent. What runs by its hash runs the canonical text, which
    /// the client does not know.
    pub(super) has_locations: bool,
    /// Whether the request names a registered document and does not send it.
    pub(super) is_named: bool,
    /// Where resolvers note what the answer depends on, if anyone asks.
    pub(super) reads: Option<Arc<AnswerReads>>,
}

impl PreparedOperation {
    /// Whether it is a query, a mutation or a subscription.
    pub fn kind(&self) -> OperationType {
        executable::operation_type(self.operation.kind)
    }

    /// Whether it is a subscription.
    pub fn subscribes(&self) -> bool {
        self.kind() == OperationType::Subscription
    }

    /// Cost of the operation with its variables, see `docs/cost.md`: at most `limits.cost`, and what it costs to register the
    /// document if the request does that.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The canonical text of the document, without its white space and comments.
    pub fn text(&self) -> &str {
        &self.operation.text
    }

    /// Hash of the document, the operation name and the variables; the ticket of an event stream is bound to it.
    pub fn hash(&self) -> OperationHash {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}:{value}"));
        fingerprint([self.text().to_owned(), self.name().to_owned()].into_iter().chain(variables))
    }

    /// What its reads must see at least.
    pub fn consistency(&self) -> Option<&ConsistencyToken> {
        self.consistency.as_ref()
    }

    /// How many seconds caches may keep the answer that an anonymous viewer gets; `None` if they may not. They may keep
    /// answers to queries of registered documents for as long as the schema's hints say.
    pub fn max_age(&self) -> Option<u32> {
        let is_kept =
            self.is_named && self.kind() == OperationType::Query && !self.reports_cost && self.consistency.is_none();
        Some(self.plan.max_age).filter(|age| is_kept && *age > 0)
    }

    /// Has resolvers note what the answer depends on, and returns where they do.
    pub(crate) fn note_reads(&mut self) -> Arc<AnswerReads> {
        let fields = self.plan().fields.iter().filter(|field| field.name.as_str() != "__typename");
        let reads = Arc::new(AnswerReads::new(fields.count()));
        self.reads = Some(reads.clone());
        reads
    }

    /// Makes the subscription resume after this event, whatever its arguments say.
    #[must_use]
    pub fn resume_after(self, cursor: EventCursor) -> Self {
        Self { resume: Some(cursor), ..self }
    }

    /// Has the executor resolve every field, also those of objects that would be written as JSON directly. Tests compare
    /// the two ways.
    #[doc(hidden)]
    #[must_use]
    pub fn without_direct_json(self) -> Self {
        Self { direct_json: false, ..self }
    }

    /// Builds the request for an executor of the same schema, which need not validate the document again.
    pub fn request(&self) -> Request {
        let plan = self.plan();
        let mut request = Request::new("");
        if self.direct_json {
            request = request.data(plan.json.clone());
        }
        if let Some(reads) = &self.reads {
            request = request.data(reads.clone());
        }
        request.set_parsed_query(executable::executable(plan, self.operation.kind, &self.variables));
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

    /// Whether errors have locations.
    pub(crate) fn has_locations(&self) -> bool {
        self.has_locations
    }

    /// Address of the client; `None` if clients are not rate-limited by address.
    pub(crate) fn client(&self) -> Option<ClientAddress> {
        self.client
    }

    /// Who it works for when this viewer runs it.
    pub(crate) fn caller(&self, viewer: &Viewer) -> Caller {
        Caller::new(viewer, self.client)
    }

    /// Registers the document for this caller if the request asks for that. To be called when the operation is paid for.
    pub(crate) async fn register(&self, caller: Caller) {
        if let Some(registration) = &self.registration {
            registration.register(&self.operation.text, caller).await;
        }
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

    /// Adds the fields of introspection to a response of the executor, which does not get them.
    pub(crate) fn add_introspection(&self, response: &mut Response, meter: &AnswerMeter) {
        let mut fields = self.plan().fields.iter().filter(|field| field.is_introspection()).peekable();
        if fields.peek().is_none() {
            return;
        }
        let mut object = match std::mem::take(&mut response.data) {
            Value::Object(object) => object,
            _ => Default::default(),
        };
        for field in fields {
            let answer = introspection::answer(&self.types, field, &self.variables, meter.left());
            let answer = answer.and_then(|json| {
                meter.add(json.counted()).map_err(AnswerRefusal::to_error)?;
                raw_value(json)
            });
            let value = answer.unwrap_or_else(|error| {
                response.errors.push(error);
                Value::Null
            });
            object.insert(field.key.clone(), value);
        }
        response.data = Value::Object(object);
    }

    /// Says of errors of the executor's own what is wrong with the arguments of the field, in the words of validation. They
    /// come from variables that are null where validation allowed them for the sake of a default (6.4.1).
    pub(crate) fn explain_argument_errors(&self, response: &mut Response) {
        for error in response.errors.iter_mut().filter(|error| error.extensions.is_none()) {
            if let Some(message) = self.argument_fault(&error.path) {
                error.message = message;
            }
        }
    }

    /// What is wrong with the arguments of the field at this path of the response.
    fn argument_fault(&self, path: &[PathSegment]) -> Option<String> {
        let mut parents = vec![(self.operation.operation.object_type().as_str(), &self.plan().fields)];
        let mut fields: Vec<(&str, &PlannedField)> = Vec::new();
        for step in path {
            let PathSegment::Field(key) = step else { continue };
            let selected = parents.iter().flat_map(|(parent, fields)| fields.iter().map(|field| (*parent, field)));
            fields = selected.filter(|(_, field)| field.key == *key).collect();
            let objects = fields.iter().flat_map(|(_, field)| field.objects());
            parents = objects.map(|object| (object.type_name.as_str(), &object.fields)).collect();
        }
        fields.into_iter().find_map(|(parent, field)| {
            let definition = self.types.field(parent, &field.name)?;
            field.arguments.iter().find_map(|(name, value)| {
                let ty = &definition.argument_by_name(name)?.ty;
                let value = substitute(value, &self.variables)?;
                let refused = coerce(&self.types, ty, value, &ValuePath::new(name)).err()?;
                Some(format!("Invalid value for argument {refused}"))
            })
        })
    }

    /// The plan for the values of the variables.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan.plan
    }

    /// Approximate bytes of memory of the variables.
    pub(crate) fn variables_size(&self) -> usize {
        self.variables.values().map(value_size).sum()
    }

    /// The variables that the content of a subscription's updates depends on.
    pub(crate) fn update_variables(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.variables.iter().filter(|(name, _)| self.operation.uses.below_root.contains(*name))
    }
}

/// Approximate bytes of memory of a value of a variable.
fn value_size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(value_size).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| 64 + name.len() + value_size(value)).sum(),
            _ => 0,
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
