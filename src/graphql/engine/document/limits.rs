//! Limits on documents, and the error for a document that exceeds one.

use async_graphql::{ErrorExtensionValues, ServerError};

use crate::graphql::engine::{code, error::refusal};

/// Limit on the levels of brackets, and of selections and fragments within each other. The stacks of the parser and the
/// executor can hold more.
pub const MAX_NESTING: usize = 64;

/// Limits on a document. Fields, aliases and directives are counted with fragments expanded.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// Length of the document in bytes, and of the values of arguments with fragments expanded.
    pub bytes: usize,
    /// Number of names, numbers, strings and punctuation marks in the document.
    pub tokens: usize,
    /// Levels of fields within fields.
    pub depth: usize,
    /// Number of aliases.
    pub aliases: usize,
    /// Number of root fields of an operation.
    pub root_fields: usize,
    /// Number of directives.
    pub directives: usize,
    /// Number of fields.
    pub fields: usize,
    /// Cost of an operation with its variables, see `docs/cost.md`.
    pub cost: usize,
}

/// Fails if `value` exceeds the limit with this name.
pub(super) fn check(name: &'static str, value: u64, limit: usize) -> Result<(), ServerError> {
    if value <= limit as u64 {
        return Ok(());
    }
    let advice = match name {
        "cost" => "ask for smaller pages or less of each entry",
        "bytes" | "tokens" => "send a shorter document, and values as variables",
        _ => "split the operation",
    };
    let message =
        format!("The operation exceeds the limit `{name}`: it has {value}, at most {limit} are allowed; {advice}.");
    let mut error = refusal(code::QUERY_TOO_COMPLEX, message);
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set(name, value);
    extensions.set("limit", limit);
    Err(error)
}

/// The limits of the default configuration.
#[cfg(test)]
pub(super) fn default_limits() -> DocumentLimits {
    super::tests::options().limits
}
