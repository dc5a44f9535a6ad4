//! Tasks and lists of them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::{
    domain::{self, Direction, SearchTerms, Sort, TaskFields, TaskSort},
    graphql::{
        connection::{Connection, List, PageArguments, node_field_selected, sort_or},
        cursor::ListTag,
        error::{ApiResult, argument_id},
        loaders::{Call, Count},
        order::Order,
        plain::{Plain, plain_enum, plain_object},
        scalars::DateTime,
        user::{self, User},
    },
    service,
};

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TaskStatus")]
pub enum TaskStatus {
    /// Not begun.
    Todo,
    /// Under way.
    InProgress,
    /// Finished.
    Done,
    /// Given up.
    Cancelled,
}

/// How much a task matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TaskPriority")]
pub enum TaskPriority {
    /// Some day.
    Low,
    /// In its turn.
    Medium,
    /// Soon.
    High,
    /// Now.
    Urgent,
}

plain_enum!(TaskStatus);
plain_enum!(TaskPriority);

/// A piece of work.
pub struct Task(pub Arc<domain::Task>);

plain_object! {
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
        async fn created_by(&self, context: &Context<'_>) -> ApiResult<Plain<User>> {
            user::participant(context, self.0.created_by).await
        }

        /// Who does it; null also when the viewer may not see them.
        async fn assignee(&self, context: &Context<'_>) -> ApiResult<Option<Plain<User>>> {
            user::visible(context, self.0.assignee).await
        }

        /// The order it is about; null also when the viewer may not see it.
        async fn order(&self, context: &Context<'_>) -> ApiResult<Option<Plain<Order>>> {
            let Some(order) = self.0.order else { return Ok(None) };
            Ok(Call::of(context).load(order).await?.map(|order| Plain(Order(order))))
        }

        /// When it should be done.
        due_at: Option<DateTime> = task.0.due_at.map(DateTime);

        /// Starts at 1 and grows by 1 with each change.
        version: i32 = task.0.version;

        /// When it was made.
        created_at: DateTime = DateTime(task.0.created_at);

        /// When it was last changed.
        updated_at: DateTime = DateTime(task.0.updated_at);
    }
}

/// Which tasks. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct TaskFilter {
    /// Only in one of these states.
    status: Option<Vec<TaskStatus>>,
    /// Only with one of these priorities.
    priority: Option<Vec<TaskPriority>>,
    /// Only assigned to this user.
    assignee_id: Option<ID>,
    /// Only made by this user.
    created_by_id: Option<ID>,
    /// Only about this order.
    order_id: Option<ID>,
    /// Only due before this time; tasks without a due date are left out.
    due_before: Option<DateTime>,
    /// Only with all these words in title or description, whatever their case and order.
    search: Option<String>,
}

impl TaskFilter {
    pub(in crate::graphql) fn into_domain(self) -> ApiResult<domain::TaskFilter> {
        Ok(domain::TaskFilter {
            visible_to: None,
            statuses: self.status.map(|statuses| statuses.into_iter().map(domain::TaskStatus::from).collect()),
            priorities: self.priority.map(|levels| levels.into_iter().map(domain::TaskPriority::from).collect()),
            assignee: self.assignee_id.map(|id| argument_id("filter.assigneeId", &id)).transpose()?,
            created_by: self.created_by_id.map(|id| argument_id("filter.createdById", &id)).transpose()?,
            order: self.order_id.map(|id| argument_id("filter.orderId", &id)).transpose()?,
            due_before: self.due_before.map(|time| time.0),
            search: self.search.as_deref().and_then(SearchTerms::parse),
        })
    }
}

/// How tasks are sorted.
#[derive(InputObject)]
pub struct TaskOrder {
    /// By what.
    field: TaskOrderField,
    /// Which way.
    direction: crate::graphql::OrderDirection,
}

/// What tasks can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TaskSort")]
pub enum TaskOrderField {
    /// When the task was made.
    CreatedAt,
    /// When it is due; tasks without a due date count as due last.
    DueAt,
    /// How much it matters.
    Priority,
}

/// Lists of tasks.
pub struct TaskList;

impl List for TaskList {
    type Row = domain::Task;
    type Node = Plain<Task>;
    type Sort = TaskSort;
    type Filter = domain::TaskFilter;

    fn tag(sort: Sort<TaskSort>) -> ListTag {
        ListTag { list: b't', field: sort.field.cursor_tag(), direction: sort.direction }
    }

    fn node(row: Arc<domain::Task>) -> Plain<Task> {
        Plain(Task(row))
    }

    async fn count(context: &Context<'_>, filter: domain::TaskFilter) -> ApiResult<u64> {
        Ok(Call::of(context).load(Count(filter)).await?.unwrap_or_default())
    }
}

/// A page of tasks, reading descriptions only when they are selected.
pub(in crate::graphql) async fn list(
    context: &Context<'_>,
    filter: domain::TaskFilter,
    order_by: Option<TaskOrder>,
    page: PageArguments,
) -> ApiResult<Connection<TaskList>> {
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, TaskSort::CreatedAt, Direction::Desc);
    let fields = TaskFields { description: node_field_selected(context, "description") };
    let query = service::TaskQuery { filter: filter.clone(), sort, slice: page.slice::<TaskList>(sort)?, fields };
    let page = Call::of(context).load(query).await?.unwrap_or_default();
    Ok(Connection::new(&page, filter, sort))
}
