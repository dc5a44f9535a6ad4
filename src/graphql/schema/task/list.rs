//! Loading tasks, and lists of them: filter, sorting, pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject};

use super::types::{Task, TaskPriority, TaskStatus};
use crate::{
    domain::{self, Direction, Sort, TaskFields, TaskSort},
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            connection::{Connection, List, PageArguments, node_field_selected, sort_or},
            error::argument_id,
            loaders::{Count, load_entity, load_list},
            metadata::MetadataFilter,
            request_context::RequestContext,
            scalars::DateTime,
            search::search_terms,
            sort::OrderDirection,
        },
    },
    service::TaskQuery,
};

load_entity!(domain::TaskId => domain::Task, tasks);
load_list!(TaskQuery, domain::TaskFilter => domain::Task, list_tasks, count_tasks);

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
    /// Only with all these words in title or description, whatever their case, accents and order. A blank text is no
    /// condition, and one without a letter or digit finds nothing. At most 16 words.
    #[graphql(directive = cost::apply("10".into()))]
    search: Option<String>,
    /// Only with this metadata; for those who are not staff, with this public metadata.
    metadata: Option<MetadataFilter>,
}

impl TaskFilter {
    pub(crate) fn into_domain(self) -> ApiResult<domain::TaskFilter> {
        Ok(domain::TaskFilter {
            visible_to: None,
            statuses: self.status.map(|statuses| statuses.into_iter().map(domain::TaskStatus::from).collect()),
            priorities: self.priority.map(|levels| levels.into_iter().map(domain::TaskPriority::from).collect()),
            assignee: self.assignee_id.map(|id| argument_id("filter.assigneeId", &id)).transpose()?,
            created_by: self.created_by_id.map(|id| argument_id("filter.createdById", &id)).transpose()?,
            order: self.order_id.map(|id| argument_id("filter.orderId", &id)).transpose()?,
            due_before: self.due_before.map(|time| time.0),
            search: search_terms(self.search.as_deref())?,
            metadata: self.metadata.map(MetadataFilter::into_domain).transpose()?,
        })
    }
}

/// How tasks are sorted.
#[derive(InputObject)]
pub struct TaskOrder {
    /// By what.
    field: TaskOrderField,
    /// Which way.
    direction: OrderDirection,
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
    type Node = Task;
    type Sort = TaskSort;
    type Filter = domain::TaskFilter;

    const LETTER: u8 = b't';

    fn node(row: Arc<domain::Task>) -> Task {
        Task(row)
    }

    async fn count(context: &Context<'_>, filter: domain::TaskFilter) -> ApiResult<u64> {
        Ok(RequestContext::get(context).load_always(Count(filter)).await?)
    }
}

/// A page of tasks, reading descriptions only when they are selected.
pub(crate) async fn list(
    context: &Context<'_>,
    filter: domain::TaskFilter,
    order_by: Option<TaskOrder>,
    page: PageArguments,
) -> ApiResult<Connection<TaskList>> {
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, TaskSort::CreatedAt, Direction::Desc);
    let fields = TaskFields { description: node_field_selected(context, "description") };
    Connection::load(context, filter, sort, fields, page).await
}
