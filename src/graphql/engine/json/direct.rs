//! The wrapper that has the executor resolve a value to JSON text.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    parser::types::{Field, SelectionSet},
    registry::Registry,
};

use super::{
    plan::{JsonPlan, WriteJson},
    plans::JsonPlans,
    raw::raw_value,
    text::Json,
};
use crate::graphql::engine::client_limits::AnswerMeter;

/// Initial capacity in bytes: room for a small object.
const FIRST_BYTES: usize = 256;

/// Resolves a value to JSON text where that is possible. In the schema it is the type of the value.
pub struct DirectJson<T>(pub T);

impl<T: WriteJson> WriteJson for DirectJson<T> {
    fn plan(selected: &SelectionSet) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        self.0.write(plan, json);
    }
}

impl<T: WriteJson + OutputType> OutputType for DirectJson<T> {
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
        let selected = context.item;
        let plans = context.data_opt::<Arc<JsonPlans>>();
        match plans.and_then(|plans| plans.get(selected.pos, || T::plan(&selected.node))) {
            Some(plan) => {
                let meter = context.data_opt::<Arc<AnswerMeter>>();
                let limit = meter.map_or(usize::MAX, |meter| meter.left());
                let mut json = Json::new(limit).with_room(FIRST_BYTES.min(limit));
                self.0.write(plan, &mut json);
                if let Some(meter) = meter {
                    meter.add(json.counted()).map_err(|refusal| refusal.error_at(context, field.pos))?;
                    meter.take_turns(json.counted()).await;
                }
                raw_value(json)
            }
            None => self.0.resolve(context, field).await,
        }
    }
}
