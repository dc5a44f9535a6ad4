//! The command line: one file per command.

mod check_config;
mod demo;
mod export;
mod failure;
mod health;
pub mod import;
mod jobs;
mod log;
mod numbers;
mod output;
mod password;
mod progress;
mod schema;
mod serve;
mod settings;
mod shard_plan;
mod signal;
mod user;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;
pub use settings::Settings;

use crate::service::import::Importer;

/// Real-time commerce backend: one GraphQL API over products, users, tasks and orders, with live updates.
///
/// Each setting comes from the first of: command line, environment, orderwire.toml, default. `orderwire check-config`
/// shows them all.
#[derive(Debug, Parser)]
#[command(name = "orderwire", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything without installing anything: a server with sample data, users to sign in as, and new orders.
    Demo(demo::DemoArgs),
    /// Run the API server.
    Serve(serve::ServeArgs),
    /// Do jobs, and run what follows the event log, such as webhooks, apart from the API servers.
    ///
    /// Servers do both themselves unless `worker.embedded` is false. Any number of both may run: each job is done, and each
    /// consumer is run, by one.
    Worker,
    /// Check whether a running server is ready; fails if it is not.
    Health(health::HealthArgs),
    /// Import a data set into the database.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Export users, products, orders and tasks as lines of JSON, as they are at one position of the event log.
    ///
    /// The last line has the cursor of that position: `events` or a subscription goes on from it without a gap. Servers may run meanwhile.
    Export(export::ExportArgs),
    /// Manage users.
    #[command(subcommand)]
    User(user::UserCommand),
    /// See, retry and discard jobs.
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Manage the event log.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Make the database belong to the deployment of this configuration, after its signing key was replaced.
    ///
    /// A database belongs to the deployment whose nodes sign tokens with the key of the first node that opened it: nodes
    /// with another key don't start on it. Nodes that are running go on.
    AdoptDatabase,
    /// Print the commands that shard the MongoDB database on a sharded cluster.
    ShardPlan,
    /// Print the GraphQL schema.
    Schema(schema::SchemaArgs),
    /// Show the effective settings, secrets masked, and report all problems. Connects to nothing.
    CheckConfig(check_config::CheckConfigArgs),
}

impl Cli {
    /// Runs the command. A failure is printed on standard error.
    pub async fn run(self) -> ExitCode {
        let Self { settings, command } = self;
        let result = match command {
            Command::Demo(args) => demo::run(settings, args).await,
            Command::Serve(args) => serve::run(settings, args).await,
            Command::Worker => worker::run(settings).await,
            Command::Health(args) => health::run(settings, args).await,
            Command::Import(command) => import_into_database(settings, command).await,
            Command::Export(args) => export::run(settings, args).await,
            Command::User(command) => user::run(settings, command).await,
            Command::Jobs(command) => jobs::run(settings, command).await,
            Command::Log(command) => log::run(settings, command).await,
            Command::AdoptDatabase => adopt_database(settings).await,
            Command::ShardPlan => shard_plan::run(settings),
            Command::Schema(args) => schema::run(args),
            Command::CheckConfig(args) => check_config::run(settings, args),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

/// Prints `message` as an error and returns the exit code.
pub fn fail(message: &str) -> ExitCode {
    Failure::new(message).report()
}

async fn adopt_database(settings: Settings) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    crate::app::adopt_database(&config).await?;
    output::print(&format!("{} belongs to the deployment of this configuration\n", config.database.url))
}

async fn import_into_database(settings: Settings, command: import::ImportCommand) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    let store = crate::app::open_store(&config).await?;
    let result = import::run(command, &Importer::new(store.clone())).await;
    store.close().await;
    Ok(result?)
}
