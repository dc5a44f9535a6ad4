//! The fields of tasks.

use async_graphql::{Context, ID, Object};

use super::types::{Task, TaskPriority, TaskStatus};
use crate::{
    domain::Scope,
    graphql::{
        engine::{
            document::directives::list_size,
            error::ApiResult,
            json::{DirectJson, json_object},
        },
        schema::{
            metadata::{Items, items, private_items},
            order::Order,
            request_context::RequestContext,
            scalars::DateTime,
            user::{self, User},
        },
    },
};

json_object! {
    /// A piece of work, on an order or on anything else.
    #[Object]
    Task as task {
        /// Globally unique id.
        id: ID = ID(task.0.id.to_string());

        /// What is to be done, in one line.
        title: &str = &task.0.title;

        /// Longer text, as it was typed: not to be trusted as HTML.
        description: Option<&str> = task.0.description.as_deref();

        /// How far it is.
        status: TaskStatus = task.0.status.into();

        /// How much it matters.
        priority: TaskPriority = task.0.priority.into();

        /// Who made it.
        async fn created_by(&self, context: &Context<'_>) -> ApiResult<DirectJson<User>> {
            user::participant(context, self.0.created_by).await
        }

        /// Who does it; null also when the viewer may not see them.
        async fn assignee(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<User>>> {
            user::visible(context, self.0.assignee).await
        }

        /// The order it is about; null also when the viewer may not see it.
        async fn order(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<Order>>> {
            let Some(order) = self.0.order else { return Ok(None) };
            Ok(RequestContext::get(context).load(order).await?.map(|order| DirectJson(Order(order))))
        }

        /// When it should be done.
        due_at: Option<DateTime> = task.0.due_at.map(DateTime);

        /// What integrations keep with it, for everyone who sees it; at most 50 items, sorted by key.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        metadata: Items = items(&task.0.metadata.public);

        /// What integrations keep with it, for staff; at most 50 items. Empty for others.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        async fn private_metadata(&self, context: &Context<'_>) -> Items {
            private_items(context, &self.0.metadata.private, Scope::ReadTasks)
        }

        /// Starts at 1 and grows by 1 with each change.
        version: i32 = task.0.version;

        /// When it was made.
        created_at: DateTime = DateTime(task.0.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(task.0.updated_at);
    }
}
