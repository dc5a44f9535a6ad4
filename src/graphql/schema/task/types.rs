//! The GraphQL types of tasks. Their fields are in [`super::fields`].

use std::sync::Arc;

use async_graphql::Enum;

use crate::{domain, graphql::engine::json::json_enum};

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

json_enum!(TaskStatus);
json_enum!(TaskPriority);

/// A piece of work.
pub struct Task(pub Arc<domain::Task>);
