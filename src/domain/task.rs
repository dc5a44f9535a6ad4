//! Tasks: work on an order, or on anything else.

use serde::{Deserialize, Serialize};

use super::{
    Before, Changed, EventKind, OrderId, Position, Refusal, Scope, SearchTerms, SearchWords, SortKey, Stamp, Timestamp,
    User, UserId, Viewer,
    declare::{sort_enum, text_enum},
    id::define_id,
    version::{check_version, next_version},
};

define_id!(
    /// Id of a [`Task`].
    TaskId, "tsk"
);

text_enum! {
    /// How far a task is.
    pub enum TaskStatus {
        /// Not begun.
        Todo => "TODO",
        /// Under way.
        InProgress => "IN_PROGRESS",
        /// Finished.
        Done => "DONE",
        /// Given up.
        Cancelled => "CANCELLED",
    }
}

text_enum! {
    /// How much a task matters. The numbers are its rank, which is stored and sorted by.
    #[derive(PartialOrd, Ord)]
    pub enum TaskPriority {
        /// It may wait.
        Low = 0 => "LOW",
        /// It is done in its turn.
        Medium = 1 => "MEDIUM",
        /// It comes before others.
        High = 2 => "HIGH",
        /// It comes first.
        Urgent = 3 => "URGENT",
    }
}

impl TaskPriority {
    /// The number that is stored, larger for what matters more.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// The priority with this rank.
    pub fn from_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.rank() == rank)
    }
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Id with the prefix `tsk_`.
    pub id: TaskId,
    /// One line of untrusted text.
    pub title: String,
    /// Longer untrusted text; `None` also when it was not read, see [`TaskFields`].
    pub description: Option<String>,
    /// How far the work is.
    pub status: TaskStatus,
    /// How much the task matters.
    pub priority: TaskPriority,
    /// User who made the task.
    pub created_by: UserId,
    /// User who does the work.
    pub assignee: Option<UserId>,
    /// Order that the task is about.
    pub order: Option<OrderId>,
    /// Time by which it should be done.
    pub due_at: Option<Timestamp>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Time when it was made.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl Task {
    /// A new task of medium priority, to do, with its optional fields empty.
    pub fn new(id: TaskId, title: impl Into<String>, created_by: UserId, at: Timestamp) -> Self {
        Self {
            id,
            title: title.into(),
            description: None,
            status: TaskStatus::Todo,
            priority: TaskPriority::Medium,
            created_by,
            assignee: None,
            order: None,
            due_at: None,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    /// The task after a change; `None` if the task has all the new values already. `expected_version` refuses a change
    /// of another version.
    pub fn update(
        &self,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Option<Changed<Self>>, Refusal> {
        if changes == TaskChanges::default() {
            return Err(Refusal::NothingToChange);
        }
        // It may have been given to somebody else since the actor was found to be an owner.
        if stamp.lacks_owner(&self.owners().users()) {
            return Err(Refusal::NotFound);
        }
        check_version(expected_version, self.version)?;
        let old = self.clone();
        let task = Self {
            title: changes.title.unwrap_or(old.title),
            description: changes.description.unwrap_or(old.description),
            status: changes.status.unwrap_or(old.status),
            priority: changes.priority.unwrap_or(old.priority),
            assignee: changes.assignee.unwrap_or(old.assignee),
            due_at: changes.due_at.unwrap_or(old.due_at),
            ..old
        };
        if task == *self {
            return Ok(None);
        }
        let kind = if task.status == self.status { EventKind::Updated } else { EventKind::StatusChanged };
        let before = Before { assignee: self.assignee.filter(|old| task.assignee != Some(*old)), ..Before::default() };
        let value = Self { version: next_version(self.version)?, updated_at: stamp.at, ..task };
        Ok(Some(Changed { kind, value, before }))
    }

    /// The last state of a deleted task. The deletion is a change: it has a version and a time of its own. Of its owners,
    /// only the author may delete it.
    pub fn delete(self, stamp: Stamp) -> Result<Changed<Self>, Refusal> {
        if stamp.lacks_owner(&self.owners().users()) {
            return Err(Refusal::NotFound);
        }
        if stamp.lacks_owner(&[Some(self.created_by)]) {
            return Err(Refusal::RightLost);
        }
        let task = Self { version: next_version(self.version)?, updated_at: stamp.at, ..self };
        Ok(Changed::new(EventKind::Deleted, task))
    }

    /// Refuses to give a task to a user who does not exist or is deleted. The step that writes asks this, because the user
    /// may have been deleted since they were chosen.
    pub fn check_assignee(assignee: Option<&User>) -> Result<(), Refusal> {
        if assignee.is_some_and(|user| !user.is_deleted()) { Ok(()) } else { Err(Refusal::AssigneeNotFound) }
    }

    /// The words by which a task is found.
    pub fn search_words(title: &str, description: Option<&str>) -> SearchWords {
        SearchWords::of([title], description)
    }

    /// The users whose task it is.
    pub fn owners(&self) -> TaskOwners {
        TaskOwners { created_by: self.created_by, assignee: self.assignee }
    }

    /// The users whose task it was until the change that replaced `before`. An assignee whom nobody preceded counts
    /// among them too: their coming takes the task from nobody.
    pub fn owners_before(&self, before: &Before) -> TaskOwners {
        TaskOwners { assignee: before.assignee.or(self.assignee), ..self.owners() }
    }

    /// The number by which due dates are sorted, in milliseconds: a task without one is sorted as due last.
    pub fn due_key(due_at: Option<Timestamp>) -> i64 {
        due_at.map_or(i64::MAX, Timestamp::unix_millis)
    }
}

/// The users whose task it is, which decides who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskOwners {
    /// User who made the task.
    pub created_by: UserId,
    /// User who does the work.
    pub assignee: Option<UserId>,
}

impl TaskOwners {
    /// The users who see the task without being staff, each once.
    pub fn users(&self) -> [Option<UserId>; 2] {
        [Some(self.created_by), self.assignee.filter(|assignee| *assignee != self.created_by)]
    }
}

impl Viewer {
    /// Whether the viewer may know that this task exists.
    pub fn sees_task(&self, task: &Task) -> bool {
        self.sees_task_of(task.owners())
    }

    /// Whether the viewer may know that a task of these users exists.
    pub fn sees_task_of(&self, owners: TaskOwners) -> bool {
        self.may(Scope::ReadTasks) || owners.users().into_iter().flatten().any(|user| self.is(user))
    }
}

/// A change of a task: `None` leaves a field as it is, `Some(None)` removes its value.
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

impl TaskChanges {
    /// The user to read before [`Task::check_assignee`], if the change gives the task to another user.
    pub fn new_assignee(&self, task: &Task) -> Option<UserId> {
        self.assignee.flatten().filter(|assignee| task.assignee != Some(*assignee))
    }
}

/// The costly parts of a task in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskFields {
    /// Read the description.
    pub description: bool,
}

impl TaskFields {
    /// Reads every field.
    pub const ALL: Self = Self { description: true };
}

/// Selects the tasks of a list. Conditions that are `None` are not checked.
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

sort_enum! {
    /// The fields that a list of tasks can be sorted by.
    pub enum TaskSort {
        /// Time when the task was made.
        CreatedAt: Int = 0,
        /// Due date; tasks without one are sorted as due last.
        DueAt: Int = 1,
        /// Rank of the priority.
        Priority: Int = 2,
    }
}

impl TaskSort {
    /// The position of `task` in a list sorted by this field.
    pub fn position(self, task: &Task) -> Position {
        let key = match self {
            Self::CreatedAt => task.created_at.unix_millis(),
            Self::DueAt => Task::due_key(task.due_at),
            Self::Priority => task.priority.rank(),
        };
        Position { key: SortKey::Int(key), id: task.id.ulid() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: TaskStatus) -> Task {
        let at = Timestamp::from_unix_millis(1);
        Task {
            id: TaskId::generate(at),
            title: "work".to_owned(),
            description: None,
            status,
            priority: TaskPriority::Low,
            created_by: UserId::generate(at),
            assignee: None,
            order: None,
            due_at: None,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn an_entry_says_whether_the_status_changed() {
        let stamp = Stamp::system(Timestamp::from_unix_millis(2));
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                let changes = TaskChanges { status: Some(to), ..TaskChanges::default() };
                let renamed = TaskChanges { title: Some("other".to_owned()), ..changes.clone() };
                let changed = task(from).update(renamed, None, stamp).unwrap().unwrap();
                let kind = if from == to { EventKind::Updated } else { EventKind::StatusChanged };
                assert_eq!((changed.value.status, changed.kind), (to, kind));
                assert_eq!(task(from).update(changes, None, stamp).unwrap().is_none(), from == to);
            }
        }
    }

    #[test]
    fn an_update_needs_a_field_and_another_value_makes_the_version() {
        let stamp = Stamp::system(Timestamp::from_unix_millis(2));
        let old = Task { due_at: Some(stamp.at), ..task(TaskStatus::Todo) };
        assert_eq!(old.update(TaskChanges::default(), Some(7), stamp), Err(Refusal::NothingToChange));
        let same = TaskChanges {
            title: Some(old.title.clone()),
            description: Some(None),
            status: Some(old.status),
            priority: Some(old.priority),
            assignee: Some(None),
            due_at: Some(old.due_at),
        };
        assert_eq!(old.update(same.clone(), Some(1), stamp), Ok(None));
        assert_eq!(old.update(same.clone(), Some(7), stamp), Err(Refusal::VersionMismatch { actual: 1 }));
        let new = Task { due_at: None, version: 2, updated_at: stamp.at, ..old.clone() };
        let changed = Changed::new(EventKind::Updated, new);
        assert_eq!(old.update(TaskChanges { due_at: Some(None), ..same }, None, stamp), Ok(Some(changed)));
    }

    #[test]
    fn a_change_records_the_assignee_that_it_replaces() {
        let stamp = Stamp::system(Timestamp::from_unix_millis(2));
        let [anna, ben] = [1, 2].map(|number| UserId::from_bytes([number; 16]));
        for (old, new, replaced) in [
            (None, Some(anna), None),
            (Some(anna), Some(anna), None),
            (Some(anna), Some(ben), Some(anna)),
            (Some(anna), None, Some(anna)),
        ] {
            let task = Task { assignee: old, ..task(TaskStatus::Todo) };
            let changes =
                TaskChanges { assignee: Some(new), title: Some("other".to_owned()), ..TaskChanges::default() };
            let changed = task.update(changes, None, stamp).unwrap().unwrap();
            assert_eq!(changed.before, Before { assignee: replaced, ..Before::default() });
            assert_eq!(changed.draft(stamp).before, changed.before);
            let owners = changed.value.owners_before(&changed.before);
            assert_eq!(owners, TaskOwners { created_by: task.created_by, assignee: old.or(new) });
        }
    }

    #[test]
    fn ranks_are_read_back() {
        for priority in TaskPriority::ALL {
            assert_eq!(TaskPriority::from_rank(priority.rank()), Some(priority));
        }
        assert_eq!(TaskPriority::from_rank(4), None);
    }
}
