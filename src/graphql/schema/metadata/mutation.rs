//! Changing metadata.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::{
    domain,
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, payload},
            event::EventEntity,
            order::Order,
            product::Product,
            request_context::RequestContext,
            task::Task,
            user::User,
        },
    },
    service::{self, UserErrorCode},
};

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
    node: Option<EventEntity>,
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
            service::WithMetadata::Product(product) => EventEntity::Product(Product(product.into())),
            service::WithMetadata::Order(order) => EventEntity::Order(Order(order.into())),
            service::WithMetadata::Task(task) => EventEntity::Task(Task(task.into())),
            service::WithMetadata::User(user) => EventEntity::User(User(user.into())),
        });
        Ok(UpdateMetadataPayload { node, user_errors })
    }
}
