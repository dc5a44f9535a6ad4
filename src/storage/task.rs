//! Storage of tasks.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{ListQuery, Page, Stamp, Task, TaskChanges, TaskFields, TaskFilter, TaskId, TaskSort};

/// A list query over tasks.
pub type TaskQuery = ListQuery<TaskFilter, TaskSort, TaskFields>;

/// Reads and changes of tasks. Each change appends one log entry.
#[async_trait]
pub trait TaskStore {
    /// The tasks with these ids.
    async fn tasks_by_ids(&self, ids: &[TaskId]) -> Result<Vec<Option<Task>>>;
    /// A page for each query.
    async fn list_tasks(&self, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>>;
    /// The number of tasks that pass each filter.
    async fn count_tasks(&self, filters: &[TaskFilter]) -> Result<Vec<u64>>;
    /// Adds a task.
    async fn insert_task(&self, task: Task, stamp: Stamp) -> Result<Task>;
    /// Changes a task as [`Task::update`] decides.
    async fn update_task(
        &self,
        id: TaskId,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Task>;
    /// Deletes a task and answers with its last state, as [`Task::delete`] decides.
    async fn delete_task(&self, id: TaskId, stamp: Stamp) -> Result<Task>;
}

instrument!(TaskStore {
    fn tasks_by_ids(ids: &[TaskId]) -> Vec<Option<Task>>, batch ids;
    fn list_tasks(queries: &[TaskQuery]) -> Vec<Page<Task>>, batch queries;
    fn count_tasks(filters: &[TaskFilter]) -> Vec<u64>, batch filters;
    fn insert_task(task: Task, stamp: Stamp) -> Task, stores Task::memory;
    fn update_task(
        id: TaskId, changes: TaskChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Task, stores Task::memory;
    fn delete_task(id: TaskId, stamp: Stamp) -> Task, stores Task::memory;
});
