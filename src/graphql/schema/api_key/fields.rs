//! The fields of API keys.

use async_graphql::{Context, ID, Object};

use super::types::{ApiKey, Scope};
use crate::graphql::{
    engine::{
        error::ApiResult,
        json::{DirectJson, json_object},
    },
    schema::{
        scalars::DateTime,
        user::{self, User},
    },
};

json_object! {
    /// A key that a machine sends as `Authorization: Bearer owk_…`, in place of an access token.
    #[Object]
    ApiKey as key {
        /// Globally unique id.
        id: ID = ID(key.0.id.to_string());

        /// What the key is for.
        name: &str = &key.0.name;

        /// The first characters of the secret, by which people recognise it.
        prefix: &str = &key.0.prefix;

        /// What the key may do, as long as its creator may.
        scopes: Vec<Scope> = key.0.scopes.iter().map(Scope::from).collect();

        /// The admin who made it. What the key changes is done in their name.
        async fn created_by(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<User>>> {
            user::visible(context, Some(self.0.created_by)).await
        }

        /// When the key was last used, up to a minute ago; null before its first use.
        last_used_at: Option<DateTime> = key.0.last_used_at.map(DateTime);

        /// From this time on the key is refused; null when it does not expire.
        expires_at: Option<DateTime> = key.0.expires_at.map(DateTime);

        /// When it was made.
        created_at: DateTime = DateTime(key.0.created_at);
    }
}
