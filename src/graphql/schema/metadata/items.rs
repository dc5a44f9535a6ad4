//! Items of metadata, as entities show them and lists find them.

use async_graphql::{Context, InputObject, Object};

use crate::{
    domain::{self, MetadataItems, Scope, is_metadata_key},
    graphql::{
        engine::{
            document::{cache_control, directives::cost},
            error::{ApiError, ApiResult},
            json::{DirectJson, json_object},
        },
        schema::request_context::RequestContext,
    },
};

/// An item of metadata.
pub struct MetadataItem {
    key: String,
    value: String,
}

json_object! {
    /// A text that an integration keeps with an entity.
    #[Object(serial, directive = cost::apply("0".into()), directive = cache_control::apply(None, Some(true)))]
    MetadataItem as item {
        /// The key: 1 to 64 letters, digits and `_`, `-`, `.`, `:` or `/`.
        key: &str = &item.key;
        /// The value, of at most 1,024 bytes (UTF-8).
        value: &str = &item.value;
    }
}

/// The items as clients get them, sorted by their keys.
pub(crate) type Items = DirectJson<Vec<MetadataItem>>;

/// The items of a part of the metadata.
pub(crate) fn items(items: &MetadataItems) -> Items {
    DirectJson(items.iter().map(|(key, value)| MetadataItem { key: key.clone(), value: value.clone() }).collect())
}

/// The items of the private part, for viewers who may do what the scope stands for; none for others.
pub(crate) fn private_items(context: &Context<'_>, private: &MetadataItems, scope: Scope) -> Items {
    if RequestContext::get(context).viewer().may(scope) { items(private) } else { DirectJson(Vec::new()) }
}

/// Which metadata.
#[derive(InputObject)]
pub struct MetadataFilter {
    /// Only with an item that has this key,
    key: String,
    /// and this value.
    value: Option<String>,
}

impl MetadataFilter {
    /// The filter of a list. The service narrows it to the public part for those who read no other.
    pub(crate) fn into_domain(self) -> ApiResult<domain::MetadataFilter> {
        if !is_metadata_key(&self.key) {
            return Err(ApiError::bad_input("filter.metadata.key: no metadata has such a key"));
        }
        Ok(domain::MetadataFilter { key: self.key, value: self.value, public_only: true })
    }
}
