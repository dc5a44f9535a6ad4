//! Use cases of tasks.

use std::{collections::HashSet, sync::Arc};

use super::{
    Result, Service, ServiceError, Update, UserError, UserErrorCode, access,
    access::fetch_visible,
    error::not_found_at,
    input::Checks,
    live::{Start, UpdateKind, UpdateStream, topic},
};
use crate::{
    domain::{
        Entity, EntityKind, Event, EventCursor, OrderId, Page, Refusal, Scope, Task, TaskChanges, TaskFilter, TaskId,
        TaskOwners, TaskPriority, TaskStatus, Timestamp, UserId, Viewer,
    },
    storage::TaskQuery,
};

/// Input of [`Service::create_task`].
#[derive(Debug, Clone)]
pub struct CreateTask {
    /// One line.
    pub title: String,
    /// Longer text.
    pub description: Option<String>,
    /// How much it matters.
    pub priority: TaskPriority,
    /// The user who does it.
    pub assignee: Option<UserId>,
    /// The order it is about.
    pub order: Option<OrderId>,
    /// When it should be done.
    pub due_at: Option<Timestamp>,
}

/// A change of a task; `None` leaves a field as it is, `Some(None)` removes its value, which only some fields allow.
#[derive(Debug, Clone)]
pub struct UpdateTask {
    /// Which task.
    pub id: TaskId,
    /// A new title.
    pub title: Option<Option<String>>,
    /// A new description.
    pub description: Option<Option<String>>,
    /// A new status.
    pub status: Option<Option<TaskStatus>>,
    /// A new priority.
    pub priority: Option<Option<TaskPriority>>,
    /// A new assignee.
    pub assignee: Option<Option<UserId>>,
    /// A new due date.
    pub due_at: Option<Option<Timestamp>>,
    /// Only if the task is at this version.
    pub expected_version: Option<i32>,
}

impl Service {
    /// The tasks with these ids that the viewer may see.
    pub async fn tasks(&self, viewer: &Viewer, ids: &[TaskId]) -> Result<Vec<Option<Task>>> {
        access::require_authenticated(viewer)?;
        let tasks = self.store.tasks_by_ids(ids).await?;
        Ok(tasks.into_iter().map(|task| task.filter(|task| viewer.sees_task(task))).collect())
    }

    /// A page for each query, of what the viewer may see.
    pub async fn list_tasks(&self, viewer: &Viewer, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>> {
        access::require_own_or(viewer, Scope::ReadTasks)?;
        let filters: Vec<_> = queries.iter().map(|query| query.filter.clone()).collect();
        let scoped = self.scope_tasks(viewer, &filters).await?.into_iter().zip(queries);
        let scoped = scoped.map(|(filter, query)| Some(TaskQuery { filter: filter?, ..query.clone() })).collect();
        fetch_visible(scoped, Page::empty, async |queries| self.store.list_tasks(queries).await).await
    }

    /// How many tasks each filter lets the viewer see.
    pub async fn count_tasks(&self, viewer: &Viewer, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        access::require_own_or(viewer, Scope::ReadTasks)?;
        let scoped = self.scope_tasks(viewer, filters).await?;
        fetch_visible(scoped, || 0, async |filters| self.store.count_tasks(filters).await).await
    }

    /// Adds a task that the viewer creates; the author of one that an API key creates is the key's creator.
    pub async fn create_task(&self, viewer: &Viewer, input: CreateTask) -> Result<Task> {
        let created_by = access::require_actor(viewer, Scope::WriteTasks)?;
        let mut checks = Checks::default();
        let title = checks.line("title", &input.title);
        let description = checks.description("description", input.description);
        checks.finish()?;
        self.check_assignee(viewer, input.assignee).await?;
        if let Some(order) = input.order {
            let found = self.store.orders_by_ids(&[order]).await?.pop().flatten();
            let visible = found.filter(|order| viewer.may(Scope::WriteTasks) || viewer.sees_order(order));
            visible.ok_or_else(|| UserError::at(UserErrorCode::NotFound, ["orderId"], "does not exist"))?;
        }
        let stamp = self.stamp(viewer)?;
        let task = Task {
            description,
            priority: input.priority,
            assignee: input.assignee,
            order: input.order,
            due_at: input.due_at,
            ..Task::new(TaskId::generate(stamp.at), title, created_by, stamp.at)
        };
        Ok(self.store.insert_task(task, stamp).await?)
    }

    /// Changes a task of the viewer; staff change any task.
    pub async fn update_task(&self, viewer: &Viewer, input: UpdateTask) -> Result<Task> {
        access::require_own_or(viewer, Scope::WriteTasks)?;
        let task = self.task_to_change(viewer, input.id).await?;
        let mut checks = Checks::default();
        let changes = TaskChanges {
            title: checks.not_null("title", input.title).map(|title| checks.line("title", &title)),
            description: input.description.map(|text| checks.description("description", text)),
            status: checks.not_null("status", input.status),
            priority: checks.not_null("priority", input.priority),
            assignee: input.assignee,
            due_at: input.due_at,
        };
        checks.finish()?;
        let assignee = changes.assignee.flatten();
        // An assignee who stays may be deleted, but one whom the viewer does not see must look the same as a missing one.
        if assignee != task.assignee || !assignee.is_none_or(|assignee| may_assign(viewer, assignee)) {
            self.check_assignee(viewer, assignee).await?;
        }
        let stamp = self.stamp(viewer)?;
        self.store.update_task(input.id, changes, input.expected_version, stamp).await.map_err(not_found_at("id"))
    }

    /// Deletes a task that the viewer created; staff delete any task.
    pub async fn delete_task(&self, viewer: &Viewer, id: TaskId) -> Result<TaskId> {
        access::require_own_or(viewer, Scope::WriteTasks)?;
        let task = self.task_to_change(viewer, id).await?;
        if !viewer.may(Scope::WriteTasks) && !viewer.is(task.created_by) {
            return Err(ServiceError::Forbidden("only the user who created a task, or staff, may delete it"));
        }
        let stamp = self.stamp(viewer)?;
        self.store.delete_task(id, stamp).await.map_err(not_found_at("id"))?;
        Ok(id)
    }

    /// Updates of tasks that the viewer may see: all of them, one task's or one assignee's. A task that leaves what the
    /// viewer may see, or the assignee, is told once without its state.
    pub async fn task_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        task: Option<TaskId>,
        assignee: Option<UserId>,
        after: Option<EventCursor>,
    ) -> Result<impl UpdateStream<Item = Result<Update<Option<Arc<Task>>>>> + Send + use<>> {
        access::require_own_or(&viewer, Scope::ReadTasks)?;
        // Else updates would tell who is assigned, which the tasks themselves hide.
        if assignee.is_some_and(|assignee| !viewer.may(Scope::ReadTasks) && !viewer.is(assignee)) {
            return Err(ServiceError::NotFound("no such assignee"));
        }
        let wanted = move |owners: TaskOwners| {
            viewer.sees_task_of(owners) && assignee.is_none_or(|assignee| owners.assignee == Some(assignee))
        };
        let topic = topic(EntityKind::Task, task.map(|task| task.ulid()), assignee.or(viewer.own()));
        let start = match (after, task) {
            (Some(cursor), _) => self.start_after(cursor).await?,
            (None, None) => Start::Now,
            (None, Some(id)) => {
                let snapshot = self.snapshot(topic, id.ulid(), async || {
                    let task = self.tasks(&viewer, &[id]).await?.pop().flatten().filter(|task| wanted(task.owners()));
                    Ok(task.map(|task| (task.version, task.updated_at, Some(Arc::new(task)))))
                });
                snapshot.await?.ok_or(ServiceError::NotFound("no such task"))?
            }
        };
        Ok(self.updates(topic, start, move |event: &Event| match &event.entity {
            Entity::Task(task) if wanted(task.owners()) => Some((UpdateKind::Event(event.kind), Some(task.clone()))),
            Entity::Task(task) if wanted(task.owners_before(&event.before)) => Some((UpdateKind::Left, None)),
            _ => None,
        }))
    }

    /// Narrows each filter to what the viewer may see; `None` when nothing is left. A filter by an order or assignee that
    /// the viewer's tasks hide passes nothing, else it would tell what is hidden.
    async fn scope_tasks(&self, viewer: &Viewer, filters: &[TaskFilter]) -> Result<Vec<Option<TaskFilter>>> {
        let orders: Vec<OrderId> = if viewer.may(Scope::ReadTasks) {
            Vec::new()
        } else {
            filters.iter().filter_map(|filter| filter.order).collect()
        };
        let visible = if orders.is_empty() { Vec::new() } else { self.orders(viewer, &orders).await? };
        let hidden: HashSet<OrderId> =
            orders.into_iter().zip(visible).filter(|(_, order)| order.is_none()).map(|(id, _)| id).collect();
        let shown = |filter: &TaskFilter| filter.order.is_none_or(|order| !hidden.contains(&order));
        Ok(filters.iter().map(|filter| scope(viewer, filter.clone()).filter(shown)).collect())
    }

    async fn task_to_change(&self, viewer: &Viewer, id: TaskId) -> Result<Task> {
        let task = self.store.tasks_by_ids(&[id]).await?.pop().flatten();
        let task = task.filter(|task| viewer.may(Scope::WriteTasks) || viewer.sees_task(task));
        task.ok_or_else(|| not_found_at("id")(Refusal::NotFound.into()))
    }

    /// Checks that the assignee is a user whom the viewer may see and who is not deleted.
    async fn check_assignee(&self, viewer: &Viewer, assignee: Option<UserId>) -> Result<()> {
        let Some(assignee) = assignee else { return Ok(()) };
        let user = self.store.users_by_ids(&[assignee]).await?.pop().flatten();
        match user.filter(|user| may_assign(viewer, user.id)) {
            Some(user) if user.deleted_at.is_none() => Ok(()),
            _ => Err(UserError::at(UserErrorCode::NotFound, ["assigneeId"], "does not exist").into()),
        }
    }
}

/// Whether the viewer may give tasks to this user: staff to everyone, others to themselves.
fn may_assign(viewer: &Viewer, assignee: UserId) -> bool {
    viewer.may(Scope::WriteTasks) || viewer.is(assignee)
}

/// Narrows `filter` to what the viewer may see; `None` when nothing is left.
fn scope(viewer: &Viewer, mut filter: TaskFilter) -> Option<TaskFilter> {
    if !viewer.may(Scope::ReadTasks) {
        let own = viewer.user_id()?;
        let hidden = |user: Option<UserId>| user.is_some_and(|user| user != own);
        if hidden(filter.visible_to) || hidden(filter.assignee) {
            return None;
        }
        filter.visible_to = Some(own);
    }
    Some(filter)
}
