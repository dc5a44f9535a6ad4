//! Making and revoking API keys.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::types::{ApiKey, Scope};
use crate::{
    domain,
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            request_context::RequestContext,
            scalars::DateTime,
        },
    },
    service,
};

/// What an API key is made from.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// What it is for: one line of at most 200 characters.
    name: String,
    /// What it may do; one scope at least.
    scopes: Vec<Scope>,
    /// When it expires; a key without this time does not.
    expires_at: Option<DateTime>,
}

/// Which API key to revoke.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// The key.
    id: ID,
}

/// The answer to making an API key.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct CreateApiKeyPayload {
    /// The key; null on failure.
    api_key: Option<ApiKey>,
    /// What the machine sends as its bearer token. It is shown this once and can't be read again; null on failure.
    secret: Option<String>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// The answer to revoking an API key.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct RevokeApiKeyPayload {
    /// The key as it was; null on failure.
    api_key: Option<ApiKey>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// Mutations of API keys.
#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Admin: makes an API key.
    #[graphql(directive = cost::apply("100".into()))]
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key to be.")] input: CreateApiKeyInput,
    ) -> ApiResult<CreateApiKeyPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let create = service::CreateApiKey {
            name: input.name,
            scopes: input.scopes.into_iter().map(domain::Scope::from).collect(),
            expires_at: input.expires_at.map(|time| time.0),
        };
        let (created, user_errors) = payload(request.service.create_api_key(&request.viewer(), create).await)?;
        let (api_key, secret) = created.map(|(key, secret)| (ApiKey(key.into()), secret.reveal().to_owned())).unzip();
        Ok(CreateApiKeyPayload { api_key, secret, user_errors })
    }

    /// Admin: revokes an API key. Its requests are refused and its subscriptions end within 2 s, on every node.
    #[graphql(directive = cost::apply("100".into()))]
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key.")] input: RevokeApiKeyInput,
    ) -> ApiResult<RevokeApiKeyPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let revoke = || async { request.service.revoke_api_key(&request.viewer(), input_id("id", &input.id)?).await };
        let (revoked, user_errors) = payload(revoke().await)?;
        Ok(RevokeApiKeyPayload { api_key: revoked.map(|key| ApiKey(key.into())), user_errors })
    }
}
