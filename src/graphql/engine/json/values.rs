//! DirectJson values that are not objects.

use async_graphql::{ID, resolver_utils::EnumType};

use super::{Json, JsonPlan, Selections, WriteJson};

impl<T: WriteJson> WriteJson for Option<T> {
    fn plan(selected: Selections<'_>) -> Option<JsonPlan> {
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
    fn plan(selected: Selections<'_>) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        json.push(b'[');
        for (place, value) in self.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            value.write(plan, json);
        }
        json.push(b']');
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn plan(selected: Selections<'_>) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        self.as_slice().write(plan, json);
    }
}

/// Appends a quoted text.
pub(crate) fn write_text(text: &str, json: &mut Json) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(json, text);
}

/// Makes types plain that are written as a text.
macro_rules! json_text {
    ($($type:ty: $value:ident => $text:expr;)*) => { $(
        impl $crate::graphql::engine::json::WriteJson for $type {
            fn write(&self, _: &$crate::graphql::engine::json::JsonPlan, json: &mut $crate::graphql::engine::json::Json) {
                let $value = self;
                $crate::graphql::engine::json::write_text($text, json);
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
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(json, self);
    }
}

/// Writes an enum as its GraphQL name.
pub(crate) fn write_enum<T: EnumType>(value: T, json: &mut Json) {
    match T::items().iter().find(|item| item.value == value) {
        Some(item) => write_text(item.name, json),
        // Invariant: every value has an item.
        None => json.extend_from_slice(b"null"),
    }
}

/// Makes an enum plain.
macro_rules! json_enum {
    ($type:ident) => {
        impl $crate::graphql::engine::json::WriteJson for $type {
            fn write(
                &self,
                _: &$crate::graphql::engine::json::JsonPlan,
                json: &mut $crate::graphql::engine::json::Json,
            ) {
                $crate::graphql::engine::json::write_enum(*self, json);
            }
        }
    };
}
pub(crate) use json_enum;
