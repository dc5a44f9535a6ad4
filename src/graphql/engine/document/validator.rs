//! Runs the validation of the library without executing anything.

use std::sync::Arc;

use async_graphql::{
    ObjectType, Request, Response, SchemaBuilder, ServerError, SubscriptionType, ValidationMode, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::ExecutableDocument,
};
use async_trait::async_trait;
use futures_util::FutureExt;

use super::limits::MAX_NESTING;
use crate::graphql::engine::{code, error::refusal};

/// Validates documents against a schema.
pub(super) struct Validator(Box<dyn Fn(Request) -> Option<Response> + Send + Sync>);

impl Validator {
    /// Creates a validator for a schema, and returns the schema in the schema definition language with it.
    pub fn new<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> (Self, String)
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let schema = schema.limit_recursive_depth(MAX_NESTING).validation_mode(ValidationMode::Strict);
        let schema = schema.extension(ValidateOnly).finish();
        let sdl = schema.sdl();
        // `ValidateOnly` ends the request before anything in it can wait.
        (Self(Box::new(move |request| schema.execute(request).now_or_never())), sdl)
    }

    /// Returns every error of a document that does not depend on the values of variables.
    pub fn validate(&self, document: ExecutableDocument, operation: Option<&str>) -> Result<(), Vec<ServerError>> {
        let mut request = Request::new("");
        request.operation_name = operation.map(str::to_owned);
        request.set_parsed_query(document);
        match (self.0)(request) {
            Some(response) if response.errors.is_empty() => Ok(()),
            Some(response) => Err(response.errors),
            None => Err(vec![refusal(code::INTERNAL, "internal error")]),
        }
    }
}

/// Ends each request after its validation, with an error list that is empty if the document is valid.
struct ValidateOnly;

impl ExtensionFactory for ValidateOnly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ValidateOnly {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await?;
        Err(Vec::new())
    }
}
