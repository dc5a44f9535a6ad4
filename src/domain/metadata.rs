//! Metadata: what integrations keep with an entity, as texts by key. Everyone who sees the entity reads the public part, staff
//! alone the private one.
//!
//! Decision: `docs/decisions/0035-metadata.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Texts by key, in the order of the keys.
pub type MetadataItems = BTreeMap<String, String>;

/// The metadata of an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// What everyone who sees the entity may read.
    #[serde(default, skip_serializing_if = "MetadataItems::is_empty")]
    pub public: MetadataItems,
    /// What staff may read.
    #[serde(default, skip_serializing_if = "MetadataItems::is_empty")]
    pub private: MetadataItems,
}

impl Metadata {
    /// Most items of each part.
    pub const MAX_ITEMS: usize = 50;
    /// Most bytes of a key.
    pub const MAX_KEY: usize = 64;
    /// Most bytes of a value (UTF-8).
    pub const MAX_VALUE: usize = 1024;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.public.is_empty() && self.private.is_empty()
    }

    /// The metadata after a change, if there is one. Refuses more than [`Metadata::MAX_ITEMS`] items.
    pub fn after(&self, change: Option<&MetadataChange>) -> Result<Self, Refusal> {
        let mut metadata = self.clone();
        let Some(change) = change else { return Ok(metadata) };
        let items = if change.private { &mut metadata.private } else { &mut metadata.public };
        for key in &change.remove {
            items.remove(key);
        }
        items.extend(change.set.iter().map(|(key, value)| (key.clone(), value.clone())));
        if items.len() > Self::MAX_ITEMS { Err(Refusal::TooMuchMetadata) } else { Ok(metadata) }
    }

    /// Whether a list with this filter has the entity.
    pub fn passes(&self, filter: &MetadataFilter) -> bool {
        let has = |items: &MetadataItems| match items.get(&filter.key) {
            Some(found) => filter.value.as_ref().is_none_or(|value| value == found),
            None => false,
        };
        has(&self.public) || !filter.public_only && has(&self.private)
    }

    /// Estimated bytes that it takes outside its struct.
    pub fn memory(&self) -> usize {
        let item = |(key, value): (&String, &String)| 2 * size_of::<String>() + key.len() + value.len();
        self.public.iter().chain(&self.private).map(item).sum()
    }
}

/// A change of metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Items to add, or whose values to replace.
    pub set: MetadataItems,
    /// Keys to remove; those that are not there change nothing.
    pub remove: Vec<String>,
    /// Whether the private part is changed.
    pub private: bool,
}

/// Selects entities by their metadata.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetadataFilter {
    /// Only entities that have an item with this key,
    pub key: String,
    /// and this value.
    pub value: Option<String>,
    /// Whether the item must be public: others must not learn of private ones by asking for them.
    pub public_only: bool,
}

/// Whether metadata may have this key: 1 to [`Metadata::MAX_KEY`] letters, digits and `_ - . : /` of ASCII.
pub fn is_metadata_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    !key.is_empty() && key.len() <= Metadata::MAX_KEY && key.bytes().all(allowed)
}

/// Whether metadata may have this value: at most [`Metadata::MAX_VALUE`] bytes, without control characters other than tabs and
/// line breaks.
pub fn is_metadata_value(value: &str) -> bool {
    let allowed = |char: char| !char.is_control() || matches!(char, '\t' | '\n' | '\r');
    value.len() <= Metadata::MAX_VALUE && value.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(pairs: &[(&str, &str)]) -> MetadataItems {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_change_removes_then_sets_in_one_part() {
        let old = Metadata { public: items(&[("a", "1"), ("b", "2")]), private: items(&[("a", "secret")]) };
        let change = MetadataChange {
            set: items(&[("b", "3"), ("c", "4")]),
            remove: vec!["a".to_owned(), "b".to_owned(), "missing".to_owned()],
            private: false,
        };
        let new = old.after(Some(&change)).unwrap();
        assert_eq!(new, Metadata { public: items(&[("b", "3"), ("c", "4")]), private: old.private.clone() });
        let private = old.after(Some(&MetadataChange { private: true, ..change })).unwrap();
        assert_eq!(private, Metadata { public: old.public, private: items(&[("b", "3"), ("c", "4")]) });
    }

    #[test]
    fn each_part_has_a_limit_of_items() {
        let numbered = |range: std::ops::Range<usize>| -> MetadataItems {
            range.map(|number| (number.to_string(), String::new())).collect()
        };
        let full = Metadata { public: numbered(0..50), private: numbered(0..49) };
        let one_more = MetadataChange { set: numbered(50..51), ..MetadataChange::default() };
        assert_eq!(full.after(Some(&one_more)), Err(Refusal::TooMuchMetadata));
        assert!(full.after(Some(&MetadataChange { private: true, ..one_more.clone() })).is_ok());
        assert!(full.after(Some(&MetadataChange { remove: vec!["7".to_owned()], ..one_more })).is_ok());
        assert!(full.after(Some(&MetadataChange { set: numbered(0..50), ..MetadataChange::default() })).is_ok());
    }

    #[test]
    fn only_those_who_may_read_the_private_part_find_by_it() {
        let metadata = Metadata { public: items(&[("a", "1")]), private: items(&[("b", "2")]) };
        let passes = |key: &str, value: Option<&str>, public_only| {
            let value = value.map(str::to_owned);
            metadata.passes(&MetadataFilter { key: key.to_owned(), value, public_only })
        };
        assert!(passes("a", None, true) && passes("a", Some("1"), true) && !passes("a", Some("2"), true));
        assert!(!passes("b", None, true) && !passes("b", Some("2"), true));
        assert!(passes("b", None, false) && passes("b", Some("2"), false) && !passes("c", None, false));
    }

    #[test]
    fn keys_and_values_have_limits() {
        for good in ["a", "erp:id", "shop.example/Order-1_x", &"k".repeat(64)] {
            assert!(is_metadata_key(good), "{good}");
        }
        for bad in ["", " ", "a b", "ä", "$where", "a\0", "a\"", &"k".repeat(65)] {
            assert!(!is_metadata_key(bad), "{bad}");
        }
        assert!(is_metadata_value("") && is_metadata_value("line\n\ttwo é 🙂") && is_metadata_value(&"v".repeat(1024)));
        assert!(
            !is_metadata_value(&"v".repeat(1025)) && !is_metadata_value(&"é".repeat(513)) && !is_metadata_value("\0")
        );
    }

    /// Changing the form would make entries unreadable that other nodes have written.
    #[test]
    fn the_stored_form_never_changes() {
        let metadata = Metadata { public: items(&[("a", "1")]), private: items(&[("b", "2")]) };
        let json = r#"{"public":{"a":"1"},"private":{"b":"2"}}"#;
        assert_eq!(serde_json::to_string(&metadata).unwrap(), json);
        assert_eq!(serde_json::from_str::<Metadata>(json).unwrap(), metadata);
        assert_eq!(serde_json::to_string(&Metadata::default()).unwrap(), "{}");
    }
}
