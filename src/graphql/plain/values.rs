//! Plain values that are not objects.

use async_graphql::{ID, resolver_utils::EnumType};

use super::{Json, PlainValue, Plan, Selected};

impl<T: PlainValue> PlainValue for Option<T> {
    fn plan(selected: Selected<'_>) -> Option<Plan> {
        T::plan(selected)
    }

    fn write(&self, plan: &Plan, json: &mut Json) {
        match self {
            Some(value) => value.write(plan, json),
            None => json.extend_from_slice(b"null"),
        }
    }
}

impl<T: PlainValue> PlainValue for &[T] {
    fn plan(selected: Selected<'_>) -> Option<Plan> {
        T::plan(selected)
    }

    fn write(&self, plan: &Plan, json: &mut Json) {
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

impl<T: PlainValue> PlainValue for Vec<T> {
    fn plan(selected: Selected<'_>) -> Option<Plan> {
        T::plan(selected)
    }

    fn write(&self, plan: &Plan, json: &mut Json) {
        self.as_slice().write(plan, json);
    }
}

/// Appends a quoted text.
pub(in crate::graphql) fn write_text(text: &str, json: &mut Json) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(json, text);
}

/// Makes types plain that are written as a text.
macro_rules! plain_text {
    ($($type:ty: $value:ident => $text:expr;)*) => { $(
        impl $crate::graphql::plain::PlainValue for $type {
            fn write(&self, _: &$crate::graphql::plain::Plan, json: &mut $crate::graphql::plain::Json) {
                let $value = self;
                $crate::graphql::plain::write_text($text, json);
            }
        }
    )* };
}
pub(in crate::graphql) use plain_text;

plain_text! {
    &str: text => text;
    String: text => text;
    ID: id => id;
}

impl PlainValue for bool {
    fn write(&self, _: &Plan, json: &mut Json) {
        json.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl PlainValue for i32 {
    fn write(&self, _: &Plan, json: &mut Json) {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(json, self);
    }
}

/// Writes an enum as its GraphQL name.
pub(in crate::graphql) fn write_enum<T: EnumType>(value: T, json: &mut Json) {
    match T::items().iter().find(|item| item.value == value) {
        Some(item) => write_text(item.name, json),
        // Invariant: every value has an item.
        None => json.extend_from_slice(b"null"),
    }
}

/// Makes an enum plain.
macro_rules! plain_enum {
    ($type:ident) => {
        impl $crate::graphql::plain::PlainValue for $type {
            fn write(&self, _: &$crate::graphql::plain::Plan, json: &mut $crate::graphql::plain::Json) {
                $crate::graphql::plain::write_enum(*self, json);
            }
        }
    };
}
pub(in crate::graphql) use plain_enum;
