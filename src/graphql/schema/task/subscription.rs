//! Live updates of tasks.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};

use super::Task;
use crate::{
    domain,
    graphql::{
        engine::{error::ApiError, live, resume::ResumeAfter},
        schema::{
            error::argument_id,
            order::UpdateKind,
            request_context::RequestContext,
            scalars::{DateTime, EventCursor},
        },
    },
    service::Update,
};

/// A live update of a task.
#[derive(SimpleObject)]
pub struct TaskUpdate {
    /// Resume with this as `after` to get what comes next.
    cursor: EventCursor,
    /// What happened.
    kind: UpdateKind,
    /// The task's id.
    task_id: ID,
    /// The task as it was right after the change; null for LEFT only.
    task: Option<Task>,
    /// When it happened.
    occurred_at: DateTime,
}

impl From<Update<Option<Arc<domain::Task>>>> for TaskUpdate {
    fn from(update: Update<Option<Arc<domain::Task>>>) -> Self {
        Self {
            cursor: EventCursor(update.cursor),
            kind: update.kind.into(),
            task_id: ID(domain::TaskId::from_bytes(update.id.to_bytes()).to_string()),
            task: update.entity.map(Task),
            occurred_at: DateTime(update.occurred_at),
        }
    }
}

/// Subscriptions to tasks.
#[derive(Default)]
pub struct TaskSubscription;

#[Subscription]
impl TaskSubscription {
    /// Every change of the tasks that the viewer may see, of one task, or of one assignee's. A task that is no longer
    /// among them is told once more, as LEFT. With taskId the first message is a SNAPSHOT of that task. With after,
    /// every missed update since that cursor comes first, in order.
    async fn task_updates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this task.")] task_id: Option<ID>,
        #[graphql(desc = "Only tasks assigned to this user.")] assignee_id: Option<ID>,
        #[graphql(desc = "Cursor of the last update that was received.")] after: Option<EventCursor>,
    ) -> Result<impl Stream<Item = TaskUpdate> + use<>, ApiError> {
        let request = RequestContext::get(context);
        let task = task_id.map(|id| argument_id("taskId", &id)).transpose()?;
        let assignee = assignee_id.map(|id| argument_id("assigneeId", &id)).transpose()?;
        let open = async move {
            let after = ResumeAfter::or(context, after.map(|cursor| cursor.0));
            Ok(request.service.task_updates(request.viewer(), task, assignee, after).await?)
        };
        Ok(live::resolve(context, "taskUpdates", 0, open).await?.map(TaskUpdate::from))
    }
}
