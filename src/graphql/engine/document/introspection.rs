//! Answers `__schema` and `__type` from the schema that documents are validated against.

use apollo_compiler::{
    ast::OperationType,
    introspection::partial_execute,
    request::coerce_variable_values,
    response::{JsonMap, ResponseDataPathSegment, serde_json_bytes},
};
use async_graphql::{Response, ServerError, Value};

use super::prepared_operation::PreparedOperation;
use crate::graphql::engine::{code, error::refusal, json::raw_value};

impl PreparedOperation {
    /// Adds the fields of introspection to the response of the executor.
    pub fn add_introspection(&self, response: &mut Response) {
        let mut fields = self.plan().fields.iter().filter(|field| field.is_introspection()).peekable();
        if self.operation.kind != OperationType::Query || fields.peek().is_none() {
            return;
        }
        let answer = match self.introspect() {
            Ok(answer) => answer,
            Err(error) => {
                response.errors.push(error);
                return;
            }
        };
        let mut object = match std::mem::take(&mut response.data) {
            Value::Object(object) => object,
            _ => Default::default(),
        };
        for field in fields {
            let text = answer.get(field.key.as_str()).map(|value| value.to_string().into_bytes());
            match raw_value(text.unwrap_or_else(|| b"null".to_vec())) {
                Ok(value) => _ = object.insert(field.key.clone(), value),
                Err(error) => response.errors.push(error),
            }
        }
        response.data = Value::Object(object);
    }

    fn introspect(&self) -> Result<JsonMap, ServerError> {
        let failed = |reason: &dyn std::fmt::Display| {
            tracing::error!(%reason, "introspection failed");
            refusal(code::INTERNAL, "internal error")
        };
        let (types, document) = (&self.types, &self.operation.document);
        let variables = serde_json_bytes::to_value(&self.variables).map_err(|error| failed(&error))?;
        let variables = variables.as_object().cloned().unwrap_or_default();
        let operation = &self.operation.operation;
        let variables = coerce_variable_values(types.schema(), operation, &variables);
        let variables = variables.map_err(|error| failed(&error.message()))?;
        let implementers = types.implementers();
        let answer = partial_execute(types.schema(), implementers, document, operation, &variables);
        let answer = answer.map_err(|error| failed(&error.message()))?;
        // Arguments of the other fields are coerced as well; the executor reports what is wrong with them.
        let introspects =
            |key: &str| self.plan().fields.iter().any(|field| field.key == key && field.is_introspection());
        let own = answer.errors.iter().find(|error| match error.path.first() {
            Some(ResponseDataPathSegment::Field(key)) => introspects(key.as_str()),
            _ => true,
        });
        match own {
            Some(error) => Err(failed(&error.message)),
            None => Ok(answer.data.unwrap_or_default()),
        }
    }
}
