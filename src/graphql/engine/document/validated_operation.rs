//! Operations of valid documents, as they are cached.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Name, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType,
        VariableDefinition,
    },
};

use super::{
    cost::{Cost, CostRules},
    shape::Shape,
    types::SchemaTypes,
    update_variables::UpdateVariables,
    visit::{SelectedField, Visitor, visit_operation},
};

/// One operation of a valid document, and everything that can be derived from it without its variables.
pub(crate) struct ValidatedOperation {
    /// The document.
    pub(super) text: Arc<str>,
    /// The operation name of the request.
    pub(super) name: Option<Box<str>>,
    /// The operation's name in the document, even if the request did not name it; empty if it has no name.
    pub(super) label: Box<str>,
    /// The operation and the fragments that it spreads.
    pub(super) executable: ExecutableDocument,
    pub(super) kind: OperationType,
    pub(super) cost: Cost,
    pub(super) shape: Shape,
    pub(super) update_variables: UpdateVariables,
    /// Approximate size in memory, in bytes.
    pub(super) weight: u32,
}

impl ValidatedOperation {
    pub(super) fn new(
        types: &SchemaTypes,
        costs: &CostRules,
        text: Arc<str>,
        name: Option<Box<str>>,
        document: &ExecutableDocument,
        operation: &Positioned<OperationDefinition>,
    ) -> Self {
        let executable = ExecutableDocument {
            operations: DocumentOperations::Single(operation.clone()),
            fragments: visit_operation(types, document, &operation.node, SpreadFragments::default()).0,
        };
        // Measured: a usual document takes about thirty times its text in memory, its cache key included.
        let weight = u32::try_from(text.len().saturating_mul(30).saturating_add(2048)).unwrap_or(u32::MAX);
        let label = match (&name, &document.operations) {
            (Some(name), _) => Some(name.clone()),
            // There is only one: it was found without a name.
            (None, DocumentOperations::Multiple(operations)) => operations.keys().next().map(|name| (**name).into()),
            (None, DocumentOperations::Single(_)) => None,
        };
        let label = label.unwrap_or_default();
        Self {
            label,
            kind: operation.node.ty,
            cost: Cost::new(types, costs, &executable, &operation.node),
            shape: Shape::new(types, &executable, &operation.node),
            update_variables: UpdateVariables::new(types, &executable, &operation.node),
            text,
            name,
            executable,
            weight,
        }
    }

    /// The variables that the operation declares.
    pub(super) fn variables(&self) -> &[Positioned<VariableDefinition>] {
        match &self.executable.operations {
            DocumentOperations::Single(operation) => &operation.node.variable_definitions,
            DocumentOperations::Multiple(_) => &[],
        }
    }
}

/// Collects the fragments that an operation spreads, directly or through other fragments.
#[derive(Default)]
struct SpreadFragments(HashMap<Name, Positioned<FragmentDefinition>>);

impl<'a> Visitor<'a> for SpreadFragments {
    fn fragment(&mut self, name: &'a Name, fragment: &'a Positioned<FragmentDefinition>) {
        self.0.insert(name.clone(), fragment.clone());
    }

    fn enter_field(&mut self, _: SelectedField<'a>) -> bool {
        true
    }
}
