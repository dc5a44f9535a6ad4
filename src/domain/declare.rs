//! Declares enums whose values are stored, sent or part of a cursor.
//!
//! Each value has its text or number beside its name, so that renaming or reordering values in the source changes no
//! stored format. `ALL` is made from the same list: code that goes over every value needs no edit for a new one.

use super::SortKey;

/// A stored text that is none of an enum's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}")]
pub struct UnknownValue {
    /// Name of the enum.
    pub kind: &'static str,
    /// The text that was read.
    pub text: String,
}

/// An enum whose values are stored and sent as texts: `Variant => "TEXT"`, or `Variant = 3 => "TEXT"` for a value that
/// also has a number. Gives `ALL`, `as_str`, `FromStr` and the serde form, which is the same text.
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$value_meta:meta])* $value:ident $(= $number:literal)? => $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$value_meta])* #[serde(rename = $text)] $value $(= $number)?,)+
        }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$value),+];

            /// The text that is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownValue;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err($crate::domain::UnknownValue { kind: stringify!($name), text: text.to_owned() }),
                }
            }
        }
    };
}
pub(super) use text_enum;

/// A field that a list can be sorted by.
pub trait SortField: Copy + Send + Sync + 'static {
    /// The number that stands for the field in cursors. It never changes, because clients keep cursors.
    fn cursor_tag(self) -> u8;
    /// Whether the field's values are of the type of `key`. A client can forge a cursor with another.
    fn has_key(self, key: &SortKey) -> bool;
}

/// Declares the fields that a list can be sorted by: `Field: KEY = TAG`. The key is a variant of
/// [`SortKey`](crate::domain::SortKey), the tag is [`SortField::cursor_tag`].
macro_rules! sort_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$value_meta:meta])* $value:ident: $key:ident = $tag:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$value_meta])* $value = $tag,)+
        }

        impl $name {
            /// Every field, in the order of the declaration.
            pub const ALL: [Self; [$($tag),+].len()] = [$(Self::$value),+];
        }

        impl $crate::domain::SortField for $name {
            fn cursor_tag(self) -> u8 {
                self as u8
            }

            fn has_key(self, key: &$crate::domain::SortKey) -> bool {
                match self { $(Self::$value => matches!(key, $crate::domain::SortKey::$key(_)),)+ }
            }
        }
    };
}
pub(super) use sort_enum;

#[cfg(test)]
mod tests {
    use crate::domain::*;

    /// Every stored text, spelled out: changing one would orphan what databases, logs and clients hold.
    #[test]
    fn stored_texts_never_change() {
        assert_eq!(UserRole::ALL.map(UserRole::as_str), ["CUSTOMER", "STAFF", "ADMIN"]);
        assert_eq!(ProductStatus::ALL.map(ProductStatus::as_str), ["ACTIVE", "ARCHIVED"]);
        assert_eq!(
            OrderStatus::ALL.map(OrderStatus::as_str),
            ["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED", "RETURNED"]
        );
        assert_eq!(TaskStatus::ALL.map(TaskStatus::as_str), ["TODO", "IN_PROGRESS", "DONE", "CANCELLED"]);
        assert_eq!(TaskPriority::ALL.map(TaskPriority::as_str), ["LOW", "MEDIUM", "HIGH", "URGENT"]);
        assert_eq!(EventKind::ALL.map(EventKind::as_str), ["CREATED", "STATUS_CHANGED", "UPDATED", "DELETED"]);
        assert_eq!(EntityKind::ALL.map(EntityKind::as_str), ["ORDER", "TASK", "PRODUCT", "RIGHTS", "USER"]);
    }

    #[test]
    fn stored_numbers_never_change() {
        use TaskPriority::*;
        assert_eq!([Low, Medium, High, Urgent].map(TaskPriority::rank), [0, 1, 2, 3]);
    }

    #[test]
    fn cursor_tags_never_change() {
        use OrderSort as ByOrder;
        use ProductSort as ByProduct;
        use TaskSort as ByTask;
        use UserSort as ByUser;
        assert_eq!([ByUser::CreatedAt, ByUser::Name].map(UserSort::cursor_tag), [0, 1]);
        assert_eq!(
            [ByProduct::CreatedAt, ByProduct::Name, ByProduct::Price, ByProduct::Stock, ByProduct::Relevance]
                .map(ProductSort::cursor_tag),
            [0, 1, 2, 3, 4]
        );
        assert_eq!([ByOrder::PlacedAt, ByOrder::Total].map(OrderSort::cursor_tag), [0, 1]);
        assert_eq!([ByTask::CreatedAt, ByTask::DueAt, ByTask::Priority].map(TaskSort::cursor_tag), [0, 1, 2]);
    }

    #[test]
    fn texts_are_read_back_and_are_the_serde_form() {
        for status in TaskStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(serde_json::from_value::<TaskStatus>(status.as_str().into()).unwrap(), status);
        }
        let unknown = "todo".parse::<TaskStatus>().unwrap_err();
        assert_eq!(unknown.to_string(), "\"todo\" is not a TaskStatus");
        assert!(serde_json::from_value::<TaskStatus>("todo".into()).is_err());
    }
}
