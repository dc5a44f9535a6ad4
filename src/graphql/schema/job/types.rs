//! The GraphQL types of jobs.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use crate::{
    domain::{self, JobId},
    graphql::{
        engine::{
            document::directives::cost,
            json::{DirectJson, json_enum, json_object},
        },
        schema::{connection::PageInfo, id_page::page, loaders::load_entity, scalars::DateTime},
    },
};

load_entity!(JobId => domain::Job, jobs_by_ids);

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::JobStatus")]
pub enum JobStatus {
    /// It waits for its time.
    Waiting,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It has failed as often as it may.
    Failed,
    /// An admin has decided that it need not be done.
    Discarded,
}

json_enum!(JobStatus);

/// Work that is done after a change that asks for it, or again and again.
#[derive(Clone)]
pub struct Job(pub Arc<domain::Job>);

impl Job {
    pub(super) fn cursor_text(&self) -> String {
        self.0.id.to_string()
    }
}

json_object! {
    /// Work that is done after a change that asks for it, or again and again, by whichever node has time.
    #[Object]
    Job as job {
        /// Globally unique id.
        id: ID = ID(job.0.id.to_string());

        /// What kind of work it is, such as `prune`.
        kind: &str = job.0.kind.as_str();

        /// How far it is.
        status: JobStatus = job.0.status.into();

        /// How often it was begun, since the last success of a job that is done again and again.
        attempts: i32 = i32::try_from(job.0.attempts).unwrap_or(i32::MAX);

        /// How often it may be begun. A job that is done again and again then waits for its next turn.
        max_attempts: i32 = i32::try_from(job.0.max_attempts).unwrap_or(i32::MAX);

        /// When it is to be done, or was begun.
        run_at: DateTime = DateTime(job.0.run_at);

        /// Why the last attempt failed.
        last_error: Option<&str> = job.0.last_error.as_deref();

        /// When it was asked for.
        created_at: DateTime = DateTime(job.0.created_at);

        /// When it succeeded, failed or was discarded.
        finished_at: Option<DateTime> = job.0.finished_at.map(DateTime);
    }
}

page!(Job, JobConnection, JobEdge);
