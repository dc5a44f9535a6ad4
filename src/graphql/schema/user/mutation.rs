//! Changing users.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::types::{User, UserRole};
use crate::{
    domain,
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            request_context::RequestContext,
        },
    },
    service,
};

/// A change of the own profile, of one field at least. What is left out stays. Null removes a value that can be removed,
/// and is INVALID_INPUT for other fields.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// A new name: one line of at most 200 characters.
    name: MaybeUndefined<String>,
    /// A new e-mail address of at most 254 bytes. It needs `currentPassword`.
    email: MaybeUndefined<String>,
    /// The current password, which only another e-mail address needs.
    #[graphql(secret, directive = cost::apply("800".into()))]
    current_password: Option<String>,
    /// A new region: one line of at most 200 characters; null removes it.
    region: MaybeUndefined<String>,
}

/// A change of the own password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
    #[graphql(secret)]
    current_password: String,
    /// The password from now on, 8 to 128 characters.
    #[graphql(secret)]
    new_password: String,
}

/// A change of somebody's role.
#[derive(InputObject)]
pub struct UpdateUserRoleInput {
    /// Whose.
    user_id: ID,
    /// The new role.
    role: UserRole,
}

/// Which user to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The user.
    user_id: ID,
}

/// The answer to a change of a user.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct UserPayload {
    /// The user; null on failure.
    user: Option<User>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl UserPayload {
    fn from_result(result: service::Result<domain::User>) -> ApiResult<Self> {
        let (user, user_errors) = payload(result)?;
        Ok(Self { user: user.map(|user| User(user.into())), user_errors })
    }
}

/// Mutations of users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Changes the viewer's own profile. Values that it has already make no new version.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> ApiResult<UserPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let change = service::UpdateProfile {
            name: input.name.into(),
            email: input.email.into(),
            current_password: input.current_password,
            region: input.region.into(),
        };
        UserPayload::from_result(request.service.update_profile(&request.viewer(), change).await)
    }

    /// Changes the viewer's password and ends all their sessions, this one too.
    #[graphql(directive = cost::apply("900".into()))]
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The old and the new password.")] input: ChangePasswordInput,
    ) -> ApiResult<UserPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let (current, new) = (input.current_password, input.new_password);
        UserPayload::from_result(request.service.change_password(&request.viewer(), current, new).await)
    }

    /// Admin: gives another user a role. A role that the user has already makes no new version.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_user_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose role, and which.")] input: UpdateUserRoleInput,
    ) -> ApiResult<UserPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let update = || async {
            request
                .service
                .update_user_role(&request.viewer(), input_id("userId", &input.user_id)?, input.role.into())
                .await
        };
        UserPayload::from_result(update().await)
    }

    /// Admin: deletes another user: the account is anonymised and its sessions end; orders and tasks stay.
    #[graphql(directive = cost::apply("100".into()))]
    async fn delete_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: DeleteUserInput,
    ) -> ApiResult<UserPayload> {
        let request = RequestContext::for_account_mutation(context).await?;
        let delete =
            || async { request.service.delete_user(&request.viewer(), input_id("userId", &input.user_id)?).await };
        UserPayload::from_result(delete().await)
    }
}
