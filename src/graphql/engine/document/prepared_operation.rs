//! Operations that are ready to be run.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_graphql::{
    Name, Positioned, Request, Value, Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection,
        SelectionSet, VariableDefinition,
    },
};

use super::{
    cost::{Cost, CostRules},
    shape::Shape,
    types::SchemaTypes,
    update_variables::UpdateVariables,
};
use crate::{
    domain::{ClientAddress, EventCursor},
    graphql::engine::resume::ResumeAfter,
    service::{OperationHash, fingerprint},
    telemetry,
};

/// One operation of a valid document, and all that is known of it without its variables.
pub(crate) struct Document {
    pub(super) text: Arc<str>,
    name: Option<Box<str>>,
    /// The operation's name in the document, whether it was asked for by name or not; empty when it has none.
    label: Box<str>,
    /// This operation and the fragments it spreads, nothing else.
    executable: ExecutableDocument,
    kind: OperationType,
    pub(super) cost: Cost,
    shape: Shape,
    told: UpdateVariables,
    /// About how many bytes it takes.
    pub(super) weight: u32,
}

impl Document {
    pub(super) fn new(
        types: &SchemaTypes,
        costs: CostRules,
        text: Arc<str>,
        name: Option<Box<str>>,
        document: &ExecutableDocument,
        operation: &Positioned<OperationDefinition>,
    ) -> Self {
        let executable = ExecutableDocument {
            operations: DocumentOperations::Single(operation.clone()),
            fragments: spread(document, &operation.node.selection_set.node),
        };
        // Measured: a document of the usual form takes some thirty times its text, what it is stored under included.
        let weight = u32::try_from(text.len().saturating_mul(30).saturating_add(2048)).unwrap_or(u32::MAX);
        let label = match (&name, &document.operations) {
            (Some(name), _) => Some(name.clone()),
            // The only one, as no name was needed to find it.
            (None, DocumentOperations::Multiple(operations)) => operations.keys().next().map(|name| (**name).into()),
            (None, DocumentOperations::Single(_)) => None,
        };
        let label = label.unwrap_or_default();
        Self {
            label,
            kind: operation.node.ty,
            cost: Cost::new(types, costs, &executable, &operation.node),
            shape: Shape::of(types, &executable, &operation.node),
            told: UpdateVariables::of(types, &executable, &operation.node),
            text,
            name,
            executable,
            weight,
        }
    }

    pub(super) fn variables(&self) -> &[Positioned<VariableDefinition>] {
        match &self.executable.operations {
            DocumentOperations::Single(operation) => &operation.node.variable_definitions,
            DocumentOperations::Multiple(_) => &[],
        }
    }

    /// The fields of the operation itself, by the keys they answer under.
    pub(super) fn root_keys(&self) -> usize {
        self.told.root_keys
    }
}

/// The fragments that a selection spreads, directly or within others.
fn spread(document: &ExecutableDocument, set: &SelectionSet) -> HashMap<Name, Positioned<FragmentDefinition>> {
    let mut found = HashMap::new();
    let mut sets = vec![set];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => sets.push(&field.node.selection_set.node),
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name).filter(|_| !found.contains_key(name)) {
                        found.insert(name.clone(), fragment.clone());
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    found
}

/// An operation that has passed every check that comes before its resolvers, with its variables.
#[derive(Clone)]
pub struct PreparedOperation {
    pub(super) document: Arc<Document>,
    /// As they are declared, with defaults.
    pub(super) variables: Variables,
    pub(super) cost: u64,
    pub(super) limit: usize,
    /// Whether the client asks what it costs.
    pub(super) reports_cost: bool,
    pub(super) resume: Option<EventCursor>,
    pub(super) client: Option<ClientAddress>,
}

impl PreparedOperation {
    /// Whether it is a query, a mutation or a subscription.
    pub fn kind(&self) -> OperationType {
        self.document.kind
    }

    /// Whether it is a subscription.
    pub fn subscribes(&self) -> bool {
        self.kind() == OperationType::Subscription
    }

    /// What it costs, see `docs/cost.md`; never more than `limits.cost`.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The document.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// What stands for the operation in the ticket of an event stream: the document, which operation, the variables.
    pub fn hash(&self) -> OperationHash {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}:{value}"));
        fingerprint([self.text().to_owned(), self.name().to_owned()].into_iter().chain(variables))
    }

    /// The same subscription, going on after this event, whatever its arguments say.
    #[must_use]
    pub fn resume_after(self, cursor: EventCursor) -> Self {
        Self { resume: Some(cursor), ..self }
    }

    /// A request for an executor of the same schema. It need not validate the document again.
    pub fn request(&self) -> Request {
        let mut request = Request::new("").variables(self.variables.clone());
        request.set_parsed_query(self.document.executable.clone());
        match self.resume {
            Some(cursor) => request.data(ResumeAfter(cursor)),
            None => request,
        }
    }

    /// What operations may cost.
    pub(crate) fn cost_limit(&self) -> usize {
        self.limit
    }

    /// Whether the client asks what the operation costs.
    pub(crate) fn reports_cost(&self) -> bool {
        self.reports_cost
    }

    /// The same operation, sent from there.
    #[must_use]
    pub(crate) fn sent_from(self, client: Option<ClientAddress>) -> Self {
        Self { client, ..self }
    }

    /// Where it was sent from; `None` when that is not limited.
    pub(crate) fn client(&self) -> Option<ClientAddress> {
        self.client
    }

    /// The name of the operation, empty when it was not asked for by name.
    pub(crate) fn name(&self) -> &str {
        self.document.name.as_deref().unwrap_or_default()
    }

    /// The operation, to be measured. One that takes longer than `slow` is logged.
    pub(crate) fn measured(&self, slow: Duration) -> telemetry::OperationTimer {
        let kind = match self.kind() {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        telemetry::OperationTimer::start(&self.document.label, kind, slow)
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.document.shape
    }

    /// The variables that have a part in what is told of each update of a subscription.
    pub(crate) fn update_variables(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.variables.iter().filter(|(name, _)| self.document.told.variables.contains(*name))
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
