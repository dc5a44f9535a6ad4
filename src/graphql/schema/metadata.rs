//! Metadata in the schema: what the four entities share, its filter and its mutation.

use async_graphql::{Context, ID, InputObject, Interface, Object, SimpleObject};

use super::{
    error::{UserError, payload},
    order::Order,
    product::Product,
    request_context::RequestContext,
    root::Node,
    task::Task,
    user::User,
};
use crate::{
    domain::{self, MetadataItems, Scope, is_metadata_key},
    graphql::engine::{
        document::{cache_control, directives::cost},
        error::{ApiError, ApiResult},
        json::{DirectJson, json_object},
    },
    service::{self, UserErrorCode},
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

/// Something with which integrations keep texts.
#[derive(Interface)]
#[graphql(
    field(name = "metadata", ty = "Items", desc = "What integrations keep with it, for everyone who sees it; at most 50 items."),
    field(
        name = "private_metadata",
        ty = "Items",
        desc = "What integrations keep with it, for staff; at most 50 items. Empty for others."
    )
)]
pub enum HasMetadata {
    /// A product.
    Product(Product),
    /// An order.
    Order(Order),
    /// A task.
    Task(Task),
    /// A user.
    User(User),
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

/// An item to set.
#[derive(InputObject)]
pub struct MetadataItemInput {
    /// The key: 1 to 64 letters, digits and `_`, `-`, `.`, `:` or `/`.
    key: String,
    /// The value, of at most 1,024 bytes (UTF-8).
    value: String,
}

/// A change of metadata.
#[derive(InputObject)]
pub struct UpdateMetadataInput {
    /// The product, order, task or user.
    id: ID,
    /// Items to add, or whose values to replace.
    set: Option<Vec<MetadataItemInput>>,
    /// Keys to remove; those that are not there change nothing.
    remove: Option<Vec<String>>,
    /// Whether to change the private part.
    #[graphql(default = false)]
    private: bool,
    /// Only if the entity is at this version.
    expected_version: Option<i32>,
}

/// The answer to a change of metadata.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct UpdateMetadataPayload {
    /// What was changed; null on failure.
    node: Option<Node>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// Mutations of metadata.
#[derive(Default)]
pub struct MetadataMutation;

#[Object]
impl MetadataMutation {
    /// Staff: changes the metadata of a product, order or task; admins also that of a user. Values that it has already make
    /// no new version and no update. A key that is set and one that is removed take effect at once.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_metadata(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose metadata, and what to change.")] input: UpdateMetadataInput,
    ) -> ApiResult<UpdateMetadataPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let update = || async {
            let invalid = |error: domain::InvalidId| {
                service::UserError::at(UserErrorCode::InvalidInput, ["id"], error.to_string())
            };
            let change = service::UpdateMetadata {
                id: input.id.parse().map_err(invalid)?,
                set: input.set.unwrap_or_default().into_iter().map(|item| (item.key, item.value)).collect(),
                remove: input.remove.unwrap_or_default(),
                private: input.private,
                expected_version: input.expected_version,
            };
            request.service.update_metadata(&request.viewer(), change).await
        };
        let (changed, user_errors) = payload(update().await)?;
        let node = changed.map(|changed| match changed {
            service::WithMetadata::Product(product) => Node::Product(Product(product.into())),
            service::WithMetadata::Order(order) => Node::Order(Order(order.into())),
            service::WithMetadata::Task(task) => Node::Task(Task(task.into())),
            service::WithMetadata::User(user) => Node::User(User(user.into())),
        });
        Ok(UpdateMetadataPayload { node, user_errors })
    }
}
