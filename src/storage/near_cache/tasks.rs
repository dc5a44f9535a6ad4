//! Tasks through the cache.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    cache::NearCache,
    cached::{Cached, Query},
    change::{Change, ChangeList},
    key::{Key, Value},
};
use crate::{
    domain::{Page, Stamp, Task, TaskChanges, TaskFields, TaskFilter, TaskId, TaskSort},
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

    fn id(&self) -> TaskId {
        self.id
    }

    fn key(id: TaskId) -> Key {
        Key::Task(id)
    }

    fn change(id: TaskId) -> Change {
        Change::Task(id)
    }

    fn into_value(self) -> Value {
        Value::Task(Arc::new(self))
    }

    fn from_value(value: &Value) -> Option<&Arc<Self>> {
        if let Value::Task(task) = value { Some(task) } else { None }
    }

    fn with_fields(&self, TaskFields { description }: TaskFields) -> Self {
        let mut row = self.clone();
        row.description = row.description.filter(|_| description);
        row
    }

    fn page_key(query: Query<Self>) -> Key {
        Key::Tasks(Box::new(query))
    }

    fn page_depends_on(query: &Query<Self>) -> ChangeList {
        Change::of_task_list(&query.filter)
    }

    async fn by_ids(engine: &dyn Store, ids: &[TaskId]) -> Result<Vec<Option<Self>>> {
        engine.tasks_by_ids(ids).await
    }

    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>> {
        engine.list_tasks(queries).await
    }
}

#[async_trait]
impl TaskStore for NearCache {
    async fn tasks_by_ids(&self, ids: &[TaskId]) -> Result<Vec<Option<Task>>> {
        self.by_ids(ids).await
    }

    async fn list_tasks(&self, queries: &[TaskQuery]) -> Result<Vec<Page<Task>>> {
        self.pages(queries).await
    }

    async fn count_tasks(&self, filters: &[TaskFilter]) -> Result<Vec<u64>> {
        self.not_cached(self.inner().count_tasks(filters).await).await
    }

    async fn insert_task(&self, task: Task, stamp: Stamp) -> Result<Task> {
        let task = self.inner().insert_task(task, stamp).await?;
        self.wrote(Change::of_task(&task));
        Ok(task)
    }

    async fn update_task(
        &self,
        id: TaskId,
        changes: TaskChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Task> {
        let task = self.inner().update_task(id, changes, expected_version, stamp).await?;
        self.wrote(Change::of_task(&task));
        Ok(task)
    }

    async fn delete_task(&self, id: TaskId, stamp: Stamp) -> Result<Task> {
        let task = self.inner().delete_task(id, stamp).await?;
        self.wrote(Change::of_task(&task));
        Ok(task)
    }
}
