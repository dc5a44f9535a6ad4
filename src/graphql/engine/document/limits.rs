//! What a document may be at most, and how one that is more is refused.

use async_graphql::{ErrorExtensionValues, ServerError};

use crate::graphql::engine::{code, error::refusal};

/// Levels of brackets, and of selections with the fragments between them, that a document may have: fewer than the
/// parser's and the executor's stacks can hold.
pub const MAX_NESTING: usize = 64;

/// Levels of lists of types in an introspection query: each multiplies its answer by the size of the schema.
pub(super) const MAX_LISTINGS: usize = 3;

/// What a document may be at most. Fields, aliases and directives are counted with fragments spread out.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// Length of the document in bytes. Default: 64 KiB.
    pub bytes: usize,
    /// Names, numbers, texts and punctuation marks in the document. Default: 4,000.
    pub tokens: usize,
    /// Fields within fields. Default: 24.
    pub depth: usize,
    /// Aliases. Default: 100.
    pub aliases: usize,
    /// Fields of the operation itself. Default: 50.
    pub root_fields: usize,
    /// Directives. Default: 100.
    pub directives: usize,
    /// Fields. Default: 4,000.
    pub fields: usize,
    /// Cost of an operation with its variables, see `docs/cost.md`. Default: 10,000.
    pub cost: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 4000,
            depth: 24,
            aliases: 100,
            root_fields: 50,
            directives: 100,
            fields: 4000,
            cost: 10_000,
        }
    }
}

/// Fails when there is more of something than the limit of that name allows.
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
