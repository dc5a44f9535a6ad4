//! Reading users.

use async_graphql::{Context, ID, Object};

use super::{
    list::{UserFilter, UserList, UserOrder, list},
    types::{User, visible},
};
use crate::{
    domain::UserId,
    graphql::{
        engine::{error::ApiResult, json::DirectJson},
        schema::{
            connection::{Connection, PageArguments, PageSize},
            error::argument_id,
            request_context::RequestContext,
        },
    },
};

/// Queries of users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in user; null for anonymous viewers.
    async fn me(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<User>>> {
        visible(context, RequestContext::get(context).viewer().user_id()).await
    }

    /// A user; null when they do not exist for the viewer.
    async fn user(&self, context: &Context<'_>, #[graphql(desc = "The user's id.")] id: ID) -> ApiResult<Option<User>> {
        let id: UserId = argument_id("id", &id)?;
        let request = RequestContext::get(context);
        Ok(request.load(id).await?.filter(|user| request.viewer().sees_user(user.id)).map(User))
    }

    /// Staff: users.
    #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
    #[graphql(directive = PageSize::apply())]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which users.")] filter: Option<UserFilter>,
        #[graphql(desc = "In which order; newest first when not given.")] order_by: Option<UserOrder>,
    ) -> ApiResult<Connection<UserList>> {
        list(context, filter, order_by, PageArguments { first, after, last, before }).await
    }
}
