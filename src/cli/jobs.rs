//! `orderwire jobs`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::{Failure, Settings, output, settings};
use crate::{
    app::Core,
    domain::{Job, JobId, JobKind, JobStatus, Viewer},
};

/// The subcommands of `jobs`.
#[derive(Debug, Clone, Subcommand)]
pub enum JobsCommand {
    /// Print jobs, newest first: id, kind, status, attempts, the time of the next or last attempt, and why it failed.
    List(ListArgs),
    /// Have jobs that wait, have failed or were discarded done at once, with as many attempts as at first.
    Retry(ChangeArgs),
    /// Decide that jobs that wait or have failed need not be done.
    Discard(ChangeArgs),
}

/// Arguments of `jobs list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Only jobs with this status: waiting, running, succeeded, failed or discarded. Can be given several times.
    #[arg(long, value_parser = parse_status)]
    status: Vec<JobStatus>,
    /// Only jobs of this kind. Can be given several times.
    #[arg(long, value_parser = parse_kind)]
    kind: Vec<JobKind>,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// Arguments of `jobs retry` and `jobs discard`.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Their ids.
    #[arg(required = true)]
    ids: Vec<JobId>,
}

fn parse_kind(text: &str) -> Result<JobKind, String> {
    text.parse().map_err(|_| format!("the kinds are {}", JobKind::ALL.map(JobKind::as_str).join(", ")))
}

fn parse_status(text: &str) -> Result<JobStatus, String> {
    text.to_ascii_uppercase().parse().map_err(|_| "must be waiting, running, succeeded, failed or discarded".to_owned())
}

pub(super) async fn run(settings: Settings, command: JobsCommand) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    let core = settings::open_without_redis(config).await?;
    let printed = execute(&core, command).await;
    core.close().await;
    output::print(&printed?)
}

async fn execute(core: &Core, command: JobsCommand) -> Result<String, Failure> {
    let (service, viewer) = (core.service(), Viewer::System);
    let mut text = String::new();
    match command {
        JobsCommand::List(ListArgs { status, kind, limit }) => {
            let kinds = (!kind.is_empty()).then_some(kind);
            let statuses = (!status.is_empty()).then_some(status);
            let (jobs, has_more) = service.jobs(&viewer, kinds, statuses, None, limit).await?;
            jobs.iter().for_each(|job| text += &line(job));
            if has_more {
                text += "there are more; --limit prints them\n";
            }
        }
        JobsCommand::Retry(ChangeArgs { ids }) => {
            for id in ids {
                text += &line(&service.retry_job(&viewer, id).await?);
            }
        }
        JobsCommand::Discard(ChangeArgs { ids }) => {
            for id in ids {
                text += &line(&service.discard_job(&viewer, id).await?);
            }
        }
    }
    Ok(text)
}

fn line(job: &Job) -> String {
    let Job { id, kind, status, attempts, max_attempts, run_at, finished_at, last_error, .. } = job;
    let at = finished_at.unwrap_or(*run_at);
    let mut line = format!("{id} {} {:9} {attempts}/{max_attempts} {at}", kind.as_str(), status.as_str());
    if let Some(error) = last_error {
        // Writing to a string cannot fail.
        let _ = write!(line, " {}", error.replace(char::is_control, " "));
    }
    line + "\n"
}
