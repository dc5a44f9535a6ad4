//! Tasks through the cache.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    cache::NearCache,
    cached::{Cached, Query},
    change::{Change, ChangeList},
    key::{Key, Value},
    sources::{ById, Counts, Pages},
};
use crate::{
    domain::{Page, Stamp, Task, TaskChanges, TaskFields, TaskFilter, TaskId, TaskSort, Timestamp},
    storage::{Result, Store, TaskQuery, TaskStore},
    telemetry::metrics::CacheName,
};

#[async_trait]
impl Cached for Task {
    type Id = TaskId;
    type Filter = TaskFilter;
    type Sort = TaskSort;
    type Fields = TaskFields;

    const NAME: CacheName = CacheName::Tasks;
    const WHOLE: TaskFields = TaskFields::ALL;
    const FIELDS: &[TaskFields] = &[TaskFields::ALL, TaskFields { description: false }];
    const CHANGES: &[Change] = &[Change::Tasks];
    const IS_DELETED: bool = true;

    fn id(&self) -> TaskId {
        self.id
    }

    fn version(&self) -> (i32, Timestamp) {
        (self.version, self.updated_at)
    }

    fn bytes(&self) -> usize {
        self.memory()
    }

    fn key(id: TaskId, fields: TaskFields) -> Key {
        Key::Task(id, fields)
    }

    fn change(id: TaskId) -> Change {
        Change::Task(id)
    }

    fn value(task: Arc<Self>) -> Value {
        Value::Task(task)
    }

    fn from_value(value: &Value) -> Option<&Arc<Self>> {
        if let Value::Task(task) = value { Some(task) } else { None }
    }

    fn with_fields(&self, TaskFields { description }: TaskFields) -> Self {
        Self {
            title: self.title.clone(),
            description: self.description.as_ref().filter(|_| description).cloned(),
            metadata: self.metadata.clone(),
            ..*self
        }
    }

    fn page_key(query: Query<Self>) -> Key {
        Key::Tasks(Box::new(query))
    }

    fn count_key(filter: TaskFilter) -> Key {
        Key::TaskCount(Box::new(filter))
    }

    fn count_depends_on(filter: &TaskFilter) -> ChangeList {
        Change::of_task_list(filter)
    }

    async fn by_ids(engine: &dyn Store, ids: &[TaskId]) -> Result<Vec<Option<Self>>> {
        engine.tasks_by_ids(ids).await
    }

    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>> {
        engine.list_tasks(queries).await
    }

    async fn counts(engine: &dyn Store, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        engine.count_tasks(filters).await
    }
}

#[async_trait]
impl TaskStore for NearCache {
    async fn tasks_by_ids(&self, ids: &[TaskId]) -> Result<Vec<Option<Task>>> {
        self.read::<ById<Task>>(ids).await
    }

    async fn list_tasks(&self, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>> {
        self.read::<Pages<Task>>(queries).await
    }

    async fn count_tasks(&self, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        self.read::<Counts<Task>>(filters).await
    }

    async fn insert_task(&self, task: Task, stamp: Stamp) -> Result<Task> {
        let began = self.read_begins();
        let task = self.inner().insert_task(task, stamp).await?;
        self.wrote(began, &task, &Change::TASKS, stamp);
        Ok(task)
    }

    async fn update_task(
        &self,
        id: TaskId,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Task> {
        let began = self.read_begins();
        let task = self.inner().update_task(id, changes, expected_version, stamp).await?;
        self.wrote(began, &task, &Change::TASKS, stamp);
        Ok(task)
    }

    async fn delete_task(&self, id: TaskId, stamp: Stamp) -> Result<Task> {
        let task = self.inner().delete_task(id, stamp).await?;
        self.own_write(self.read_begins(), stamp).unknown([Change::Task(id)].into_iter().chain(Change::TASKS));
        Ok(task)
    }
}
