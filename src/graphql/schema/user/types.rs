//! The GraphQL types of users. Their fields are in [`super::fields`].

use std::sync::Arc;

use async_graphql::{Context, Enum};

use crate::{
    domain::{self, UserId},
    graphql::{
        engine::{
            error::ApiResult,
            json::{DirectJson, json_enum},
        },
        schema::request_context::RequestContext,
    },
    service::ServiceError,
};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserRole")]
pub enum UserRole {
    /// Sees and changes what is their own.
    Customer,
    /// Manages products, orders and tasks, reads users.
    Staff,
    /// Manages users and roles too.
    Admin,
}

json_enum!(UserRole);

/// A person with an account.
pub struct User(pub Arc<domain::User>);

/// A person on an order or task that the viewer sees. Users are never removed, only anonymised.
pub(crate) async fn participant(context: &Context<'_>, id: UserId) -> ApiResult<DirectJson<User>> {
    let user = RequestContext::get(context).load(id).await?;
    user.map(|user| DirectJson(User(user)))
        .ok_or_else(|| ServiceError::Internal(format!("user {id} is missing").into()).into())
}

/// A user, if the viewer may see them.
pub(crate) async fn visible(context: &Context<'_>, id: Option<UserId>) -> ApiResult<Option<DirectJson<User>>> {
    let request = RequestContext::get(context);
    match id {
        Some(id) if request.viewer().sees_user(id) => Ok(request.load(id).await?.map(|user| DirectJson(User(user)))),
        _ => Ok(None),
    }
}
