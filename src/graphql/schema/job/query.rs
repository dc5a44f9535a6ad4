//! Reading jobs.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object};

use super::types::{Job, JobConnection, JobStatus};
use crate::{
    domain::{self, JobKind},
    graphql::{
        engine::{
            document::directives::list_size,
            error::{ApiError, ApiResult},
            json::DirectJson,
            page_size::DEFAULT_PAGE_SIZE,
        },
        schema::{connection::size, id_page::id_after, request_context::RequestContext},
    },
};

/// Which jobs: those that pass every condition that is given.
#[derive(InputObject, Default)]
pub struct JobFilter {
    /// Of one of these kinds.
    kinds: Option<Vec<String>>,
    /// With one of these statuses.
    status: Option<Vec<JobStatus>>,
}

/// Queries of jobs.
#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// Admin: jobs, newest first. Those that succeeded are kept for a day, those that failed or were discarded as long as the
    /// event log.
    #[graphql(directive = list_size::apply(
        i32::try_from(DEFAULT_PAGE_SIZE).ok(),
        Some(vec!["first".into()]),
        Some(vec!["edges".into(), "nodes".into()]),
        Some(false)
    ))]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many; 20 when not given, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Which jobs; all when not given.")] filter: Option<JobFilter>,
    ) -> ApiResult<DirectJson<JobConnection>> {
        let first = first.map_or(Ok(DEFAULT_PAGE_SIZE), |first| size("first", first))?;
        let before = id_after(after)?;
        let JobFilter { kinds, status } = filter.unwrap_or_default();
        let kinds = kinds.map(|kinds| kinds.iter().map(|kind| parse_kind(kind)).collect()).transpose()?;
        let statuses = status.map(|statuses| statuses.into_iter().map(domain::JobStatus::from).collect());
        let request = RequestContext::get(context);
        let (found, has_more) = request.service.jobs(&request.viewer(), kinds, statuses, before, first).await?;
        let nodes = found.into_iter().map(|job| Job(Arc::new(job))).collect();
        Ok(DirectJson(JobConnection { nodes, has_more, from_start: before.is_none() }))
    }
}

fn parse_kind(text: &str) -> ApiResult<JobKind> {
    text.parse().map_err(|_| {
        let kinds = JobKind::ALL.map(JobKind::as_str).join(", ");
        ApiError::bad_input(format!("filter.kinds: there is no such kind of job; the kinds are {kinds}"))
    })
}
