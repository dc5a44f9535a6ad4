//! Finds the operation of a document that a request asks for.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};

use crate::graphql::engine::{code, error::refusal};

/// Returns the operation with this name; without a name, the only operation of the document.
pub(super) fn find_operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        _ => None,
    };
    operation.ok_or_else(|| {
        refusal(
            code::BAD_USER_INPUT,
            match name {
                Some(name) => format!("Unknown operation named \"{name}\""),
                None => "Operation name required in request.".to_owned(),
            },
        )
    })
}
