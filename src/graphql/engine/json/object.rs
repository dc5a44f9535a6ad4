//! Declares object types.

/// Declares an object type for the executor and for direct JSON: `name: Type = value;` is a plain field, whose value may
/// use `$this`, the object; `async fn name(&self, …) -> Type { … }` is a field that only the executor can resolve.
macro_rules! json_object {
    ($(#[$($attribute:tt)+])* $object:ident as $this:ident { $($fields:tt)* }) => {
        json_object!(@ [$(#[$($attribute)+])* $object $this] [] [] $($fields)*);
    };
    (
        @ $head:tt [$($methods:tt)*] [$($plain:tt)*]
        $(#[$($attribute:tt)+])* async fn $field:ident($($arguments:tt)*) -> $type:ty $body:block
        $($fields:tt)*
    ) => {
        json_object!(
            @ $head
            [$($methods)* $(#[$($attribute)+])* pub(crate) async fn $field($($arguments)*) -> $type $body]
            [$($plain)*]
            $($fields)*
        );
    };
    (
        @ [$(#[$($head:tt)+])* $object:ident $this:ident] [$($methods:tt)*] [$($plain:tt)*]
        $(#[$($attribute:tt)+])* $field:ident: $type:ty = $value:expr;
        $($fields:tt)*
    ) => {
        json_object!(
            @ [$(#[$($head)+])* $object $this]
            [
                $($methods)*
                $(#[$($attribute)+])*
                pub(crate) async fn $field(&self) -> $crate::graphql::engine::json::Metered<$type> {
                    let $this = self;
                    $crate::graphql::engine::json::Metered($value)
                }
            ]
            [
                $($plain)*
                $crate::graphql::engine::json::plan::JsonField {
                    name: stringify!($field),
                    plan: <$type as $crate::graphql::engine::json::plan::WriteJson>::plan,
                    write: |$this, plan, json| {
                        let value: $type = $value;
                        $crate::graphql::engine::json::plan::WriteJson::write(&value, plan, json);
                    },
                },
            ]
            $($fields)*
        );
    };
    (@ [$(#[$($head:tt)+])* $object:ident $this:ident] [$($methods:tt)*] [$($plain:tt)*]) => {
        $(#[$($head)+])*
        impl $object {
            $($methods)*
        }

        impl $crate::graphql::engine::json::plan::JsonObject for $object {
            const FIELDS: &'static [$crate::graphql::engine::json::plan::JsonField<Self>] = &[$($plain)*];
        }
    };
}
pub(crate) use json_object;
