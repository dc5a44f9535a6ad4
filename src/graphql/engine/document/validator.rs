//! The library's validation, without an execution after it.

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
    /// For a schema; also gives the schema in the schema definition language.
    pub fn new<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> (Self, String)
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let schema = schema.limit_recursive_depth(MAX_NESTING).validation_mode(ValidationMode::Strict);
        let schema = schema.extension(ValidateOnly).finish();
        let sdl = schema.sdl();
        // Nothing in it waits.
        (Self(Box::new(move |request| schema.execute(request).now_or_never())), sdl)
    }

    /// Fails with all that is wrong with a document, whatever its variables are.
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

/// Ends every request after its validation.
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
