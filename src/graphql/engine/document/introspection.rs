//! Answers `__schema` and `__type` from the schema that documents are validated against.

use apollo_compiler::{
    ast::OperationType,
    introspection::partial_execute,
    request::coerce_variable_values,
    response::{ExecutionResponse, GraphQLError, ResponseDataPathSegment, serde_json_bytes},
};
use async_graphql::{PathSegment, Pos, Response, ServerError, Value};

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
        // Arguments of the other fields are coerced as well; the executor reports what is wrong with them.
        let introspects =
            |key: &str| self.plan().fields.iter().any(|field| field.key == key && field.is_introspection());
        response.errors.extend(answer.errors.into_iter().map(field_error).filter(|error| match error.path.first() {
            Some(PathSegment::Field(key)) => introspects(key),
            _ => true,
        }));
        let mut object = match std::mem::take(&mut response.data) {
            Value::Object(object) => object,
            _ => Default::default(),
        };
        for field in fields {
            let value = answer.data.as_ref().and_then(|data| data.get(field.key.as_str()));
            match value.filter(|value| !value.is_null()).map(|value| raw_value(value.to_string().into_bytes())) {
                Some(Ok(value)) => _ = object.insert(field.key.clone(), value),
                Some(Err(error)) => response.errors.push(error),
                None => _ = object.insert(field.key.clone(), Value::Null),
            }
        }
        response.data = Value::Object(object);
    }

    fn introspect(&self) -> Result<ExecutionResponse, ServerError> {
        let failed = |reason: &dyn std::fmt::Display| {
            tracing::error!(%reason, "introspection failed");
            refusal(code::INTERNAL, "internal error")
        };
        let (types, document, operation) = (&self.types, &self.operation.document, &self.operation.operation);
        let variables = serde_json_bytes::to_value(&self.variables).map_err(|error| failed(&error))?;
        let variables = variables.as_object().cloned().unwrap_or_default();
        let variables = coerce_variable_values(types.schema(), operation, &variables);
        let variables = variables.map_err(|error| failed(&error.message()))?;
        partial_execute(types.schema(), types.implementers(), document, operation, &variables)
            .map_err(|error| failed(&error.message()))
    }
}

/// The error of a field, such as null for an argument that must have a value.
fn field_error(error: GraphQLError) -> ServerError {
    let mut refused = refusal(code::BAD_USER_INPUT, error.message);
    refused.locations = error.locations.iter().map(|at| Pos { line: at.line, column: at.column }).collect();
    let path = error.path.into_iter().map(|step| match step {
        ResponseDataPathSegment::Field(key) => PathSegment::Field(key.to_string()),
        ResponseDataPathSegment::ListIndex(index) => PathSegment::Index(index),
    });
    refused.path = path.collect();
    refused
}
