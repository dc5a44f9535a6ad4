//! Reading tasks.

use async_graphql::{Context, ID, Object};

use super::{Task, TaskFilter, TaskList, TaskOrder, list};
use crate::{
    domain::TaskId,
    graphql::{
        engine::error::ApiResult,
        schema::{
            connection::{Connection, PageArguments, PageSize},
            error::argument_id,
            request_context::RequestContext,
        },
    },
};

/// Queries of tasks.
#[derive(Default)]
pub struct TaskQuery;

#[Object]
impl TaskQuery {
    /// A task; null when it does not exist for the viewer.
    async fn task(&self, context: &Context<'_>, #[graphql(desc = "The task's id.")] id: ID) -> ApiResult<Option<Task>> {
        let id: TaskId = argument_id("id", &id)?;
        Ok(RequestContext::get(context).load(id).await?.map(Task))
    }

    /// Tasks: those the viewer made or is assigned to, for staff all.
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
        let filter = filter.unwrap_or_default().into_domain()?;
        list(context, filter, order_by, PageArguments { first, after, last, before }).await
    }
}
