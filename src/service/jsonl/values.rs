//! Values in the form that they have in lines.

use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

use crate::domain::{Metadata, MetadataItems, is_metadata_key, is_metadata_value};

/// A value that is written as its text: an amount as `12.50`, a time as `2026-01-31T09:30:00.000Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<T>(pub(super) T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(PhantomData<T>);

        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<T>, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// The public or the private metadata of an entity, as an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Items<'l>(pub(super) Cow<'l, MetadataItems>);

impl Items<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The metadata of an entity from its two parts.
pub(super) fn metadata(public: Items<'_>, private: Items<'_>) -> Metadata {
    Metadata { public: public.0.into_owned(), private: private.0.into_owned() }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Items<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemsVisitor).map(|items| Self(Cow::Owned(items)))
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = MetadataItems;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MetadataItems, A::Error> {
        let mut items = MetadataItems::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if !is_metadata_key(&key) {
                let most = Metadata::MAX_KEY;
                return Err(A::Error::custom(format_args!("keys must be 1 to {most} letters, digits or _ - . : /")));
            }
            if !is_metadata_value(&value) {
                let most = Metadata::MAX_VALUE;
                return Err(A::Error::custom(format_args!(
                    "values must have at most {most} bytes and no control characters"
                )));
            }
            if items.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands here twice"));
            }
            if items.len() > Metadata::MAX_ITEMS {
                return Err(A::Error::custom(format_args!("must have at most {} entries", Metadata::MAX_ITEMS)));
            }
        }
        Ok(items)
    }
}
