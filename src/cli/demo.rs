//! `orderwire demo`: a server with sample data, accounts and simulated activity, without MongoDB or Redis.

mod people;
mod simulation;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Failure, Settings, output, settings, signal};
use crate::{
    app::{App, Core},
    config::{Config, MetricsAddress, Setting},
    service::import::{Importer, NoProgress, jira, online_retail, sample},
};
use people::Account;

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The address to listen on.
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
    /// Keep the data in this folder, which is created if missing. Otherwise the data is deleted when the demo ends.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How often something happens: an order is placed or advanced, a task is created or completed.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = every)]
    every: Duration,
    /// Do not simulate any activity.
    #[arg(long)]
    quiet_orders: bool,
}

fn every(text: &str) -> Result<Duration, String> {
    let every = Duration::parse(text)?;
    if every < Duration::from_millis(10) { Err("must be 10ms or more".to_owned()) } else { Ok(every) }
}

pub(super) async fn run(mut settings: Settings, args: DemoArgs) -> Result<(), Failure> {
    let shutdown = signal::shutdown().map_err(Failure::new)?;
    let folder = DataFolder::new(args.data)?;
    if let Some(bind) = args.bind {
        settings.put("server.bind", bind);
    }
    settings.put("environment", "development");
    settings.put("database.url", format!("sqlite://{}", folder.path().join("orderwire.db").display()));
    settings.put("server.introspection", "true");
    settings.put("server.ui", "true");
    settings.put("server.example_apps", "true");
    let mut config = settings.load()?;
    // The demo is a single process: it must not join a cluster that uses the configured Redis.
    config.redis.url = None;
    if config.metrics.bind == MetricsAddress::IfFree {
        config.metrics.bind = MetricsAddress::Off;
    }
    settings::start_log(&config);

    let prepared = shutdown.run_until_cancelled(prepare(&config)).await.transpose()?;
    if let Some((app, accounts)) = prepared {
        output::print(&welcome(&app, &accounts, args.quiet_orders))?;
        let simulation = (!args.quiet_orders).then(|| simulate(&app, &accounts, args.every, &shutdown));
        app.run(shutdown).await;
        if let Some(simulation) = simulation {
            // The simulation stops with the server; if it panicked, the panic hook has reported it.
            let _ = simulation.await;
        }
    }
    folder.close()
}

/// Prepares a server with the sample data and accounts to sign in with. It does not serve requests yet.
async fn prepare(config: &Config) -> Result<(App, Vec<Account>), Failure> {
    let app = App::start(config).await?;
    let accounts = people::sign_up(app.core().service()).await?;
    import_samples(app.core(), &accounts).await?;
    Ok((app, accounts))
}

async fn import_samples(core: &Core, accounts: &[Account]) -> Result<(), Failure> {
    let importer = Importer::new(core.store().clone());
    importer
        .online_retail(&sample::ONLINE_RETAIL, online_retail::OnlineRetailOptions::default(), Arc::new(NoProgress))
        .await?;
    if let Some(created_by) = people::with_label(accounts, people::STAFF) {
        let options = jira::JiraOptions { created_by: created_by.user.id, rejects: None };
        importer.jira(&sample::HADOOP_BUGS, options, Arc::new(NoProgress)).await?;
    }
    Ok(())
}

fn welcome(app: &App, accounts: &[Account], quiet: bool) -> String {
    let address = app.address();
    // Browsers cannot open 0.0.0.0.
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
    let host = if address.is_ipv6() && host != "localhost" { format!("[{host}]") } else { host };
    let url = format!("http://{host}:{}", address.port());
    let mut text = String::new();
    for Account { label, email, password, .. } in accounts {
        text += &format!("{label:<8}  {email}  {password}\n");
    }
    text += "\n";
    for (name, page, label) in [("Shop", "shop", people::CUSTOMER), ("Board", "board", people::STAFF)] {
        if let Some(account) = people::with_label(accounts, label) {
            text += &format!("{name:<8}  {url}/{page}#{}\n", sign_in_fragment(account));
        }
    }
    text += &format!("GraphiQL  {url}/\nGraphQL   {url}/graphql\n\n");
    text += if quiet { "" } else { "Orders come in now: subscribe to orderUpdates to watch them.\n" };
    text + "Press Ctrl-C to stop.\n"
}

/// The URL fragment that signs in the person who opens the link. Browsers do not send fragments to servers.
fn sign_in_fragment(Account { email, password, .. }: &Account) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .append_pair("password", password)
        .finish()
}

fn simulate(
    app: &App,
    accounts: &[Account],
    every: Duration,
    shutdown: &CancellationToken,
) -> tokio::task::JoinHandle<Option<()>> {
    let simulation = simulation::Simulation::new(app.core().service().clone(), accounts);
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(simulation.run(every)))
}

/// The folder that holds the demo's data.
enum DataFolder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl DataFolder {
    fn new(kept: Option<PathBuf>) -> Result<Self, Failure> {
        match kept {
            Some(path) => {
                std::fs::create_dir_all(&path)
                    .map_err(|error| Failure::new(format!("cannot create the folder {}: {error}", path.display())))?;
                Ok(Self::Kept(path))
            }
            None => {
                let made = tempfile::Builder::new().prefix("orderwire-demo-").tempdir();
                let made = made.map_err(|error| Failure::new(format!("cannot create a temporary folder: {error}")))?;
                Ok(Self::Temporary(made))
            }
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    fn close(self) -> Result<(), Failure> {
        match self {
            Self::Kept(_) => Ok(()),
            Self::Temporary(folder) => {
                folder.close().map_err(|error| Failure::new(format!("cannot remove the temporary folder: {error}")))
            }
        }
    }
}
