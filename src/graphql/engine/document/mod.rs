//! What happens to an operation before any resolver runs.
//!
//! [`Documents::prepare`] turns a request into an operation that can be run, or returns the errors that refuse it. Its
//! steps, each of which bounds the work of the next:
//!
//! 1. Find the document: the request sends it, or refers to a registered one ([`registry`]).
//! 2. Limit its length, tokens and nesting before it is parsed ([`lexer`]).
//! 3. Parse it, and measure it with fragments expanded, looking at each fragment once ([`measure`]).
//! 4. Validate it against the schema, without its variables ([`validator`], [`extra_rules`]), and coerce the arguments in it
//!    ([`arguments`]).
//! 5. Check the variables and add their defaults ([`variables`]).
//! 6. Plan the operation for the variables that `@skip` and `@include` read ([`plan`]), with its cost as a function of the
//!    other variables ([`cost`]), and limit the cost with these variables.
//!
//! The results of steps 2 to 4 and 6 are cached for valid documents, so that a repeated document skips from step 1 to
//! step 5. Nothing is cached for an invalid document. The plan is then written as the document that the executor takes
//! ([`executable`]), with the variables in their places, and gives its results their shape ([`shape`]). Fields of introspection
//! are answered from the schema ([`introspection`]).
//!
//! Decision: `docs/decisions/0010-documents-are-prepared-once.md`.

mod arguments;
mod cache_hints;
mod collect;
pub(crate) mod cost;
mod documents;
mod executable;
mod extra_rules;
mod hash;
mod introspection;
mod lexer;
mod limits;
mod manifest;
mod measure;
mod plan;
mod position;
mod prepared_operation;
mod registry;
mod request;
mod shape;
mod suggestions;
mod types;
mod validated_operation;
mod validator;
mod values;
mod variable_positions;
mod variable_uses;
mod variables;
mod walk;

pub use cache_hints::directive::cache_control;
pub use cost::directives;
pub use documents::{DocumentOptions, Documents, InvalidDocuments};
pub use hash::DocumentHash;
pub use limits::{DocumentLimits, MAX_NESTING};
pub use manifest::{Manifest, ManifestError};
pub use prepared_operation::PreparedOperation;
pub use registry::Registry;
pub use request::OperationRequest;
pub use types::{InvalidSchema, ScalarRule};

#[cfg(test)]
mod tests;
