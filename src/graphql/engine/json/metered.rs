//! The wrapper that counts the bytes of values that the executor resolves.
//!
//! Decision: `docs/decisions/0023-what-a-client-may-hold.md`.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContextSelectionSet, ID, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};

use super::{
    direct::DirectJson,
    plan::{JsonPlan, WriteJson},
};
use crate::graphql::engine::{
    client_limits::{AnswerMeter, AnswerRefusal},
    json::text::Json,
};

/// Quotation marks, a colon and a comma around a member.
const PUNCTUATION: usize = 4;
/// Most bytes of a whole number, `null` or a boolean.
const SMALL_VALUE: usize = 11;

/// Adds the bytes of a scalar to the answer's meter. In the schema it is the type of the scalar.
///
/// [`super::DirectJson`] counts what it writes. A scalar of an object that the executor resolves is counted here.
pub struct Metered<T>(pub T);

/// An interface's field is that of its objects.
impl From<Metered<ID>> for ID {
    fn from(metered: Metered<ID>) -> Self {
        metered.0
    }
}

impl<T> From<Metered<DirectJson<T>>> for DirectJson<T> {
    fn from(metered: Metered<Self>) -> Self {
        metered.0
    }
}

impl<T: WriteJson> WriteJson for Metered<T> {
    fn plan(selected: &async_graphql::parser::types::SelectionSet) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        self.0.write(plan, json);
    }
}

impl<T: OutputType> OutputType for Metered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let Some(meter) = context.data_opt::<Arc<AnswerMeter>>() else { return self.0.resolve(context, field).await };
        let key = field.node.response_key().node.len() + PUNCTUATION;
        let error = |refusal: AnswerRefusal| refusal.error_at(context, field.pos);
        // Before the value is copied, which is not needed any more when the answer is refused.
        meter.add(key).map_err(error)?;
        let value = self.0.resolve(context, field).await?;
        let bytes = size(&value);
        meter.add_value(bytes).map_err(error)?;
        meter.take_turns(bytes).await;
        Ok(value)
    }
}

/// Bytes of a value as JSON, without those that escape characters. The fields of an object count themselves.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Enum(name) => name.len() + 2,
        Value::List(values) => 2 + values.iter().map(|value| size(value) + 1).sum::<usize>(),
        Value::Object(_) => 2,
        Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Binary(_) => SMALL_VALUE,
    }
}
