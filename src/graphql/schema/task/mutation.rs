//! Changing tasks.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{
    Task,
    types::{TaskPriority, TaskStatus},
};
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

/// What a task is made from.
#[derive(InputObject)]
pub struct CreateTaskInput {
    /// What is to be done, in one line of at most 200 characters.
    title: String,
    /// Longer text of at most 65,536 bytes (UTF-8).
    description: Option<String>,
    /// How much it matters; MEDIUM when not given.
    priority: Option<TaskPriority>,
    /// Who does it. Customers can take tasks themselves only.
    assignee_id: Option<ID>,
    /// The order it is about.
    order_id: Option<ID>,
    /// When it should be done.
    due_at: Option<DateTime>,
}

/// A change of a task, of one field at least. What is left out stays. Null removes a value that can be removed, and is
/// INVALID_INPUT for other fields.
#[derive(InputObject)]
pub struct UpdateTaskInput {
    /// Which task.
    id: ID,
    /// A new title: one line of at most 200 characters.
    title: MaybeUndefined<String>,
    /// A new description of at most 65,536 bytes (UTF-8); null removes it.
    description: MaybeUndefined<String>,
    /// A new status.
    status: MaybeUndefined<TaskStatus>,
    /// A new priority.
    priority: MaybeUndefined<TaskPriority>,
    /// A new assignee; null removes them.
    assignee_id: MaybeUndefined<ID>,
    /// A new due date; null removes it.
    due_at: MaybeUndefined<DateTime>,
    /// Only if the task is at this version.
    expected_version: Option<i32>,
}

/// Which task to delete.
#[derive(InputObject)]
pub struct DeleteTaskInput {
    /// The task.
    id: ID,
}

/// The answer to a change of a task.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct TaskPayload {
    /// The task; null on failure.
    task: Option<Task>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl TaskPayload {
    fn from_result(result: service::Result<domain::Task>) -> ApiResult<Self> {
        let (task, user_errors) = payload(result)?;
        Ok(Self { task: task.map(|task| Task(task.into())), user_errors })
    }
}

/// The answer to the deletion of a task.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct DeleteTaskPayload {
    /// Id of the task that is gone; null on failure.
    deleted_task_id: Option<ID>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// Mutations of tasks.
#[derive(Default)]
pub struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Adds a task.
    #[graphql(directive = cost::apply("100".into()))]
    async fn create_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task to be.")] input: CreateTaskInput,
    ) -> ApiResult<TaskPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let create = || async {
            let task = service::CreateTask {
                title: input.title,
                description: input.description,
                priority: input.priority.map_or(domain::TaskPriority::Medium, domain::TaskPriority::from),
                assignee: input.assignee_id.map(|id| input_id("assigneeId", &id)).transpose()?,
                order: input.order_id.map(|id| input_id("orderId", &id)).transpose()?,
                due_at: input.due_at.map(|time| time.0),
            };
            request.service.create_task(&request.viewer(), task).await
        };
        TaskPayload::from_result(create().await)
    }

    /// Changes a task. Values that the task has already make no new version and no update.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which task, and what to change.")] input: UpdateTaskInput,
    ) -> ApiResult<TaskPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let update = || async {
            let assignee = match Option::<Option<ID>>::from(input.assignee_id) {
                Some(Some(id)) => Some(Some(input_id("assigneeId", &id)?)),
                Some(None) => Some(None),
                None => None,
            };
            let change = service::UpdateTask {
                id: input_id("id", &input.id)?,
                title: input.title.into(),
                description: input.description.into(),
                status: input.status.map_value(domain::TaskStatus::from).into(),
                priority: input.priority.map_value(domain::TaskPriority::from).into(),
                assignee,
                due_at: input.due_at.map_value(|time| time.0).into(),
                expected_version: input.expected_version,
            };
            request.service.update_task(&request.viewer(), change).await
        };
        TaskPayload::from_result(update().await)
    }

    /// Deletes an own task, or any as staff.
    #[graphql(directive = cost::apply("100".into()))]
    async fn delete_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which task.")] input: DeleteTaskInput,
    ) -> ApiResult<DeleteTaskPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let delete = || async { request.service.delete_task(&request.viewer(), input_id("id", &input.id)?).await };
        let (deleted, user_errors) = payload(delete().await)?;
        Ok(DeleteTaskPayload { deleted_task_id: deleted.map(|id| ID(id.to_string())), user_errors })
    }
}
