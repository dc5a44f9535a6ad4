//! Operations of valid documents, as they are cached.

use std::sync::Arc;

use apollo_compiler::{
    Node,
    ast::OperationType,
    executable::{ExecutableDocument, Operation},
    validation::Valid,
};
use async_graphql::{Name, Value, Variables};
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{
    arguments::DocumentArguments,
    cache_hints,
    cost::{Cost, CostRules},
    introspection,
    limits::DocumentLimits,
    plan::Plan,
    request::RequestErrors,
    types::SchemaTypes,
    validator::ValidDocument,
    variable_uses::VariableUses,
    variables::{self, Variable},
};
use crate::graphql::engine::{code, error::refusal};

/// Most plans that an operation keeps. A request with other values of the condition variables plans it anew.
const MAX_PLANS: usize = 8;

/// Approximate bytes of memory of an operation without its document and its plans.
const OPERATION_BYTES: usize = 2048;

/// The values of the condition variables.
type Conditions = SmallVec<[bool; 8]>;

/// One operation of a valid document, and everything that can be derived from it without its variables.
pub(crate) struct ValidatedOperation {
    /// The canonical text of the document.
    pub(super) text: Arc<str>,
    /// Whether it was made from the text that a client sent, and not from the canonical one.
    pub(super) as_sent: bool,
    /// The operation name of the request.
    pub(super) name: Option<Box<str>>,
    /// The operation's name in the document, even if the request did not name it; empty if it has no name.
    pub(super) label: Box<str>,
    pub(super) kind: OperationType,
    pub(super) variables: Vec<Variable>,
    pub(super) uses: VariableUses,
    /// Approximate size in memory, in bytes, with all plans that it may keep.
    pub(super) weight: u32,
    pub(super) document: Valid<ExecutableDocument>,
    arguments: DocumentArguments,
    pub(super) operation: Node<Operation>,
    /// The plans that were made so far, by the values of the condition variables.
    plans: Mutex<Vec<(Conditions, Arc<PricedPlan>)>>,
}

/// A plan with its cost.
pub(crate) struct PricedPlan {
    pub plan: Plan,
    pub cost: Cost,
    /// How many seconds caches may keep its answer if the schema's hints decide; 0 if they may not.
    pub max_age: u32,
}

impl PricedPlan {
    fn new(types: &SchemaTypes, costs: &CostRules, limits: &DocumentLimits, operation: &Operation, plan: Plan) -> Self {
        let introspection = introspection::points(types, &plan.fields, limits.cost);
        let root = operation.object_type();
        let cost = Cost::new(costs, root, &plan.fields, introspection);
        Self { cost, max_age: cache_hints::max_age(types, root, &plan.fields), plan }
    }
}

impl ValidatedOperation {
    /// Prepares the operation called `name` of a valid document. Fails if the document has no such operation.
    pub(super) fn new(
        types: &SchemaTypes,
        costs: &CostRules,
        limits: &DocumentLimits,
        text: Arc<str>,
        name: Option<Box<str>>,
        valid: ValidDocument,
    ) -> Result<Self, RequestErrors> {
        let ValidDocument { document, arguments } = valid;
        let operation = document.operations.get(name.as_deref()).map_err(|_| {
            let message = match &name {
                Some(name) => format!("Unknown operation named \"{name}\""),
                None => "Operation name required in request.".to_owned(),
            };
            vec![refusal(code::BAD_USER_INPUT, message)]
        })?;
        let operation = operation.clone();
        let uses = VariableUses::new(&document, &operation);
        // The plan that includes everything is the largest.
        let largest = Plan::new(types, &document, &arguments, &operation, |_| None, limits.fields)?;
        let most_plans = if uses.conditions.is_empty() { 1 } else { MAX_PLANS };
        let bytes = OPERATION_BYTES + 30 * text.len() + arguments.size() + most_plans * largest.size();
        let mut plans = Vec::new();
        if uses.conditions.is_empty() {
            // It is also the only plan.
            plans.push((Conditions::new(), Arc::new(PricedPlan::new(types, costs, limits, &operation, largest))));
        }
        Ok(Self {
            label: operation.name.as_ref().map_or("", |name| name.as_str()).into(),
            kind: operation.operation_type,
            variables: variables::declared(types, &operation, &document.sources)?,
            uses,
            weight: u32::try_from(bytes).unwrap_or(u32::MAX),
            text,
            as_sent: true,
            name,
            operation,
            document,
            arguments,
            plans: Mutex::new(plans),
        })
    }

    /// The plan for these values of the variables. Fails if a variable that `@skip` or `@include` reads is null.
    pub(super) fn plan(
        &self,
        types: &SchemaTypes,
        costs: &CostRules,
        limits: &DocumentLimits,
        variables: &Variables,
    ) -> Result<Arc<PricedPlan>, RequestErrors> {
        let conditions = self.uses.conditions.iter().map(|name| self.condition(name, variables));
        let conditions = conditions.collect::<Result<Conditions, _>>()?;
        if let Some((_, plan)) = self.plans.lock().iter().find(|(known, _)| *known == conditions) {
            return Ok(plan.clone());
        }
        let value = |name: &str| {
            let mut values = self.uses.conditions.iter().zip(&conditions);
            values.find(|(condition, _)| *condition == name).map(|(_, value)| *value)
        };
        let plan = Plan::new(types, &self.document, &self.arguments, &self.operation, value, limits.fields)?;
        let plan = Arc::new(PricedPlan::new(types, costs, limits, &self.operation, plan));
        let mut plans = self.plans.lock();
        if plans.len() < MAX_PLANS {
            plans.push((conditions, plan.clone()));
        }
        Ok(plan)
    }

    /// The value of a variable that `@skip` or `@include` reads.
    fn condition(&self, name: &Name, variables: &Variables) -> Result<bool, RequestErrors> {
        if let Some(Value::Boolean(value)) = variables.get(name) {
            return Ok(*value);
        }
        let message = format!("Variable \"{name}\" must not be null: a directive decides by it what to include.");
        let declared = self.variables.iter().find(|variable| variable.name == *name);
        Err(vec![match declared {
            Some(variable) => variable.refusal(message),
            None => refusal(code::BAD_USER_INPUT, message),
        }])
    }
}
