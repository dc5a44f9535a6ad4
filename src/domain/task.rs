//! Tasks: work on an order, or on anything else.

use serde::{Deserialize, Serialize};

use super::{OrderId, Position, SearchTerms, SortKey, TaskId, Timestamp, UserId};

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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

/// How much a task matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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

impl TaskPriority {
    /// 0 for the least to 3 for the most.
    pub fn rank(self) -> i64 {
        self as i64
    }
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Identity.
    pub id: TaskId,
    /// One line.
    pub title: String,
    /// Longer untrusted text; `None` also when it was not read, see [`TaskFields`].
    pub description: Option<String>,
    /// How far it is.
    pub status: TaskStatus,
    /// How much it matters.
    pub priority: TaskPriority,
    /// Who made it.
    pub created_by: UserId,
    /// Who does it.
    pub assignee: Option<UserId>,
    /// The order it is about.
    pub order: Option<OrderId>,
    /// When it should be done.
    pub due_at: Option<Timestamp>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Task {
    /// The task with `changes` made.
    pub fn changed(self, changes: TaskChanges, at: Timestamp) -> Self {
        Self {
            title: changes.title.unwrap_or(self.title),
            description: changes.description.unwrap_or(self.description),
            status: changes.status.unwrap_or(self.status),
            priority: changes.priority.unwrap_or(self.priority),
            assignee: changes.assignee.unwrap_or(self.assignee),
            due_at: changes.due_at.unwrap_or(self.due_at),
            version: self.version + 1,
            updated_at: at,
            ..self
        }
    }

    /// What due dates are sorted by, in milliseconds: a task without one counts as due last.
    pub fn due_key(due_at: Option<Timestamp>) -> i64 {
        due_at.map_or(i64::MAX, Timestamp::unix_millis)
    }
}

/// What to change of a task; `None` leaves a field as it is, `Some(None)` removes its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskChanges {
    /// A new title.
    pub title: Option<String>,
    /// A new description.
    pub description: Option<Option<String>>,
    /// A new status.
    pub status: Option<TaskStatus>,
    /// A new priority.
    pub priority: Option<TaskPriority>,
    /// A new assignee.
    pub assignee: Option<Option<UserId>>,
    /// A new due date.
    pub due_at: Option<Option<Timestamp>>,
}

/// The costly parts of a task in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskFields {
    /// Read the description.
    pub description: bool,
}

impl TaskFields {
    /// Everything.
    pub const ALL: Self = Self { description: true };
}

/// Which tasks a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TaskFilter {
    /// Only created by or assigned to this user: what a customer may see.
    pub visible_to: Option<UserId>,
    /// Only in one of these states.
    pub statuses: Option<Vec<TaskStatus>>,
    /// Only with one of these priorities.
    pub priorities: Option<Vec<TaskPriority>>,
    /// Only assigned to this user.
    pub assignee: Option<UserId>,
    /// Only made by this user.
    pub created_by: Option<UserId>,
    /// Only about this order.
    pub order: Option<OrderId>,
    /// Only due before this time; tasks without a due date are left out.
    pub due_before: Option<Timestamp>,
    /// Words of the title or description.
    pub search: Option<SearchTerms>,
}

/// What tasks are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskSort {
    /// When the task was made.
    CreatedAt,
    /// When it is due, those without a due date as if due last.
    DueAt,
    /// How much it matters.
    Priority,
}

impl TaskSort {
    /// Where `task` stands in a list sorted by this field.
    pub fn position(self, task: &Task) -> Position {
        let key = match self {
            Self::CreatedAt => task.created_at.unix_millis(),
            Self::DueAt => Task::due_key(task.due_at),
            Self::Priority => task.priority.rank(),
        };
        Position { key: SortKey::Int(key), id: task.id.ulid() }
    }
}
