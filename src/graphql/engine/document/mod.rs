//! What happens to an operation before any resolver runs.
//!
//! [`Documents::prepare`] turns a request into an operation that can be run, or returns the errors that refuse it. Its
//! steps, each of which bounds the work of the next:
//!
//! 1. Find the document: the request sends it, or refers to a registered one ([`registry`]).
//! 2. Limit its length, tokens and nesting before it is parsed ([`lexer`]).
//! 3. Parse it, and measure it with fragments expanded, looking at each fragment once ([`measure`]).
//! 4. Validate it against the schema, without its variables ([`validator`], [`arguments`]).
//! 5. Derive from the operation its cost as a function of variables ([`cost`]), the shape of its results ([`shape`]), and
//!    the variables that the updates of a subscription depend on ([`update_variables`]).
//! 6. Check the variables and add their defaults ([`variables`]), then limit the cost with these variables.
//!
//! The results of steps 2 to 5 are cached for valid documents, so that a repeated document skips from step 1 to step 6.
//! Nothing is cached for an invalid document. Steps 4 and 5 visit the selections of a document with [`visit`].
//!
//! Decision: `docs/decisions/0010-documents-are-prepared-once.md`.

mod arguments;
pub(crate) mod cost;
mod documents;
mod find_operation;
mod hash;
mod lexer;
mod limits;
mod manifest;
mod measure;
mod prepared_operation;
mod registry;
mod request;
mod shape;
mod types;
mod update_variables;
mod validated_operation;
mod validator;
mod values;
mod variables;
mod visit;

pub use cost::directives;
pub use documents::{DocumentOptions, Documents, InvalidDocuments};
pub use hash::DocumentHash;
pub use limits::{DocumentLimits, MAX_NESTING};
pub use manifest::{Manifest, ManifestError};
pub use prepared_operation::PreparedOperation;
pub use registry::Registry;
pub use request::OperationRequest;
pub use types::InvalidSchema;

#[cfg(test)]
mod tests;
