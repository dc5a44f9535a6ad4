//! The line of a task.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, finish},
    values::{Items, Text, metadata},
};
use crate::{
    domain::{OrderId, Task, TaskId, TaskPriority, TaskStatus, Timestamp, UserId},
    service::input::Checks,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TaskRecord<'l> {
    id: TaskId,
    #[serde(borrow)]
    title: Cow<'l, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'l, str>>,
    status: TaskStatus,
    priority: TaskPriority,
    created_by: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Text<Timestamp>>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    metadata: Items<'l>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    private_metadata: Items<'l>,
    version: i32,
    created_at: Text<Timestamp>,
    updated_at: Text<Timestamp>,
}

impl<'l> From<&'l Task> for TaskRecord<'l> {
    fn from(task: &'l Task) -> Self {
        Self {
            id: task.id,
            title: Cow::Borrowed(&task.title),
            description: task.description.as_deref().map(Cow::Borrowed),
            status: task.status,
            priority: task.priority,
            created_by: task.created_by,
            assignee: task.assignee,
            order: task.order,
            due_at: task.due_at.map(Text),
            metadata: Items(Cow::Borrowed(&task.metadata.public)),
            private_metadata: Items(Cow::Borrowed(&task.metadata.private)),
            version: task.version,
            created_at: Text(task.created_at),
            updated_at: Text(task.updated_at),
        }
    }
}

impl TaskRecord<'_> {
    /// The task, if the line keeps the rules.
    pub(super) fn check(self) -> Result<Task, Fault> {
        let mut checks = Checks::default();
        let title = checks.line("title", &self.title);
        let description = checks.description("description", self.description.map(Cow::into_owned));
        checks.version(self.version);
        finish(checks)?;
        Ok(Task {
            id: self.id,
            title,
            description,
            status: self.status,
            priority: self.priority,
            created_by: self.created_by,
            assignee: self.assignee,
            order: self.order,
            due_at: self.due_at.map(|at| at.0),
            metadata: metadata(self.metadata, self.private_metadata),
            version: self.version,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
