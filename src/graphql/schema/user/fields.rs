//! The fields of users.

use async_graphql::{Context, ID, Object};

use super::types::{User, UserRole};
use crate::{
    domain::Scope,
    graphql::{
        engine::{
            document::directives::list_size,
            error::{ApiError, ApiResult},
            json::{DirectJson, Metered, json_object},
        },
        schema::{
            connection::{Connection, PageArguments, PageSize},
            metadata::{Items, items, private_items},
            order::{self, OrderFilter, OrderList, OrderOrder},
            request_context::RequestContext,
            scalars::DateTime,
            task::{self, TaskFilter, TaskList, TaskOrder},
        },
    },
};

json_object! {
    /// A person with an account.
    #[Object]
    User as user {
        /// Globally unique id.
        id: ID = ID(user.0.id.to_string());

        /// Display name.
        name: &str = &user.0.name;

        /// What they may do.
        role: UserRole = user.0.role.into();

        /// E-mail address; null unless the viewer is this user or staff.
        async fn email(&self, context: &Context<'_>) -> Metered<Option<&str>> {
            Metered(self.0.email.as_deref().filter(|_| self.is_open(context)))
        }

        /// Region, such as a country; null unless the viewer is this user or staff.
        async fn region(&self, context: &Context<'_>) -> Metered<Option<&str>> {
            Metered(self.0.region.as_deref().filter(|_| self.is_open(context)))
        }

        /// The orders they placed, as far as the viewer may see them.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
        #[graphql(directive = PageSize::apply())]
        async fn orders(
            &self,
            context: &Context<'_>,
            #[graphql(
                desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
            )]
            first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
            #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
            #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
            #[graphql(desc = "Which orders.")] filter: Option<OrderFilter>,
            #[graphql(desc = "In which order; last placed first when not given.")] order_by: Option<OrderOrder>,
        ) -> ApiResult<Connection<OrderList>> {
            let mut filter = filter.unwrap_or_default().into_domain()?;
            if filter.customer.is_some_and(|customer| customer != self.0.id) {
                return Err(ApiError::bad_input("filter.customerId: this list has the orders of its own user only"));
            }
            filter.customer = Some(self.0.id);
            Box::pin(order::list(context, filter, order_by, PageArguments { first, after, last, before })).await
        }

        /// The tasks they made or are assigned to, as far as the viewer may see them.
        #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
        #[graphql(directive = PageSize::apply())]
        async fn tasks(
            &self,
            context: &Context<'_>,
            #[graphql(
                desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
            )]
            first: Option<i32>,
            #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
            #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
            #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
            #[graphql(desc = "Which tasks.")] filter: Option<TaskFilter>,
            #[graphql(desc = "In which order; newest first when not given.")] order_by: Option<TaskOrder>,
        ) -> ApiResult<Connection<TaskList>> {
            let mut filter = filter.unwrap_or_default().into_domain()?;
            filter.visible_to = Some(self.0.id);
            Box::pin(task::list(context, filter, order_by, PageArguments { first, after, last, before })).await
        }

        /// What integrations keep with them; at most 50 items, sorted by key. Empty unless the viewer is this user or staff.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        async fn metadata(&self, context: &Context<'_>) -> Items {
            if self.is_open(context) { items(&self.0.metadata.public) } else { DirectJson(Vec::new()) }
        }

        /// What integrations keep with it, for staff; at most 50 items. Empty for others.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        async fn private_metadata(&self, context: &Context<'_>) -> Items {
            private_items(context, &self.0.metadata.private, Scope::ReadUsers)
        }

        /// Starts at 1 and grows by 1 with each change.
        version: i32 = user.0.version;

        /// When the account was made.
        created_at: DateTime = DateTime(user.0.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(user.0.updated_at);
    }
}

impl User {
    /// Whether the viewer may see more than the name.
    fn is_open(&self, context: &Context<'_>) -> bool {
        RequestContext::get(context).viewer().sees_user(self.0.id)
    }
}
