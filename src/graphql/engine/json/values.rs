//! Writes values that are not objects: lists, options, scalars and enums.

use async_graphql::{ID, parser::types::SelectionSet, resolver_utils::EnumType};

use super::{
    plan::{JsonPlan, WriteJson},
    text::{Json, write_text},
};

impl<T: WriteJson> WriteJson for Option<T> {
    fn plan(selected: &SelectionSet) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        match self {
            Some(value) => value.write(plan, json),
            None => json.extend_from_slice(b"null"),
        }
    }
}

impl<T: WriteJson> WriteJson for &[T] {
    fn plan(selected: &SelectionSet) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        json.push(b'[');
        for (place, value) in self.iter().enumerate() {
            if json.is_cut() {
                return;
            }
            if place > 0 {
                json.push(b',');
            }
            value.write(plan, json);
        }
        json.push(b']');
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn plan(selected: &SelectionSet) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        self.as_slice().write(plan, json);
    }
}

/// Implements [`WriteJson`] for types that are written as a string.
macro_rules! json_text {
    ($($type:ty: $value:ident => $text:expr;)*) => { $(
        impl $crate::graphql::engine::json::plan::WriteJson for $type {
            fn write(&self, _: &$crate::graphql::engine::json::plan::JsonPlan, json: &mut $crate::graphql::engine::json::text::Json) {
                let $value = self;
                $crate::graphql::engine::json::text::write_text($text, json);
            }
        }
    )* };
}
pub(crate) use json_text;

json_text! {
    &str: text => text;
    String: text => text;
    ID: id => id;
}

impl WriteJson for bool {
    fn write(&self, _: &JsonPlan, json: &mut Json) {
        json.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl WriteJson for i32 {
    fn write(&self, _: &JsonPlan, json: &mut Json) {
        // Writing to memory fails only when the text is cut, which it remembers.
        let _ = serde_json::to_writer(json, self);
    }
}

/// Appends the GraphQL name of an enum value.
pub(crate) fn write_enum<T: EnumType>(value: T, json: &mut Json) {
    match T::items().iter().find(|item| item.value == value) {
        Some(item) => write_text(item.name, json),
        // Invariant: every value of an enum has an item.
        None => json.extend_from_slice(b"null"),
    }
}

/// Implements [`WriteJson`] for an enum, written as its GraphQL name.
macro_rules! json_enum {
    ($type:ident) => {
        impl $crate::graphql::engine::json::plan::WriteJson for $type {
            fn write(
                &self,
                _: &$crate::graphql::engine::json::plan::JsonPlan,
                json: &mut $crate::graphql::engine::json::text::Json,
            ) {
                $crate::graphql::engine::json::values::write_enum(*self, json);
            }
        }
    };
}
pub(crate) use json_enum;
