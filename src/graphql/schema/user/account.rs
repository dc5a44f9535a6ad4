//! Registering, signing in and out.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::types::User;
use crate::{
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, payload},
            request_context::RequestContext,
            scalars::DateTime,
        },
    },
    service::{self, Registration, SignIn},
};

/// What an account is made from.
#[derive(InputObject)]
pub struct RegisterInput {
    /// E-mail address of at most 254 bytes, the name to sign in with.
    email: String,
    /// Password, 8 to 128 characters.
    #[graphql(secret)]
    password: String,
    /// Display name: one line of at most 200 characters.
    name: String,
    /// Region, such as a country: one line of at most 200 characters.
    region: Option<String>,
}

/// What proves who signs in.
#[derive(InputObject)]
pub struct LoginInput {
    /// E-mail address.
    email: String,
    /// Password.
    #[graphql(secret)]
    password: String,
}

/// What a session is renewed with.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token received last. It is good once; for 10 s it gives the same new one again, and a later use ends
    /// the session.
    #[graphql(secret)]
    refresh_token: String,
}

/// A signed-in session. Both tokens are secrets.
#[derive(SimpleObject)]
pub struct Session {
    /// Goes with every request as `Authorization: Bearer …`, or in the payload of connection_init.
    access_token: String,
    /// When the access token expires.
    expires_at: DateTime,
    /// Good for one refreshSession.
    refresh_token: String,
    /// Who is signed in.
    user: User,
}

/// The answer to signing in.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct AuthPayload {
    /// The session; null on failure.
    session: Option<Session>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl AuthPayload {
    fn from_result(request: &RequestContext, result: service::Result<SignIn>) -> ApiResult<Self> {
        let (sign_in, user_errors) = payload(result)?;
        let session = sign_in.map(|sign_in| {
            request.sign_in(sign_in.viewer());
            Session {
                access_token: sign_in.access.token,
                expires_at: DateTime(sign_in.access.expires_at),
                refresh_token: sign_in.refresh,
                user: User(sign_in.user.into()),
            }
        });
        Ok(Self { session, user_errors })
    }
}

/// The answer to signing out.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct LogoutPayload {
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// Mutations of sessions.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account and signs in.
    #[graphql(directive = cost::apply("900".into()))]
    async fn register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to be.")] input: RegisterInput,
    ) -> ApiResult<AuthPayload> {
        let request = RequestContext::for_mutation(context).await?;
        request.service.check_may_sign_in(&request.viewer())?;
        let registration =
            Registration { email: input.email, name: input.name, region: input.region, password: Some(input.password) };
        AuthPayload::from_result(request, request.service.register(registration, request.client).await)
    }

    /// Signs in.
    #[graphql(directive = cost::apply("900".into()))]
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and the proof.")] input: LoginInput,
    ) -> ApiResult<AuthPayload> {
        let request = RequestContext::for_mutation(context).await?;
        request.service.check_may_sign_in(&request.viewer())?;
        AuthPayload::from_result(request, request.service.login(&input.email, input.password, request.client).await)
    }

    /// Gives new tokens for a refresh token. Each is good once; using one again after 10 s ends its session.
    #[graphql(directive = cost::apply("100".into()))]
    async fn refresh_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: RefreshSessionInput,
    ) -> ApiResult<AuthPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        request.service.check_may_sign_in(&request.viewer())?;
        AuthPayload::from_result(request, request.service.refresh_session(&input.refresh_token).await)
    }

    /// Ends this session.
    #[graphql(directive = cost::apply("100".into()))]
    async fn logout(&self, context: &Context<'_>) -> ApiResult<LogoutPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let (_, user_errors) = payload(request.service.logout(&request.viewer()).await)?;
        Ok(LogoutPayload { user_errors })
    }

    /// Ends all sessions of the viewer.
    #[graphql(directive = cost::apply("100".into()))]
    async fn logout_everywhere(&self, context: &Context<'_>) -> ApiResult<LogoutPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let (_, user_errors) = payload(request.service.logout_everywhere(&request.viewer()).await)?;
        Ok(LogoutPayload { user_errors })
    }
}
