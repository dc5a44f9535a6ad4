//! `orderwire log`.

use clap::Subcommand;

use super::{Failure, Settings, output, settings};
use crate::{
    app::open_store,
    config::DatabaseUrl,
    storage::{self, NewEpoch, Store},
};

/// The subcommands of `log`.
#[derive(Debug, Clone, Subcommand)]
pub enum LogCommand {
    /// Give the event log a new id, after the database was restored from a backup.
    ///
    /// Clients may have seen changes that the backup does not have. Cursors from before this command give
    /// CURSOR_EXPIRED afterwards, so that these clients read the current state instead of missing what follows. Servers
    /// that are running notice within feed.poll_every.
    NewEpoch,
}

pub(super) async fn run(settings: Settings, command: LogCommand) -> Result<(), Failure> {
    let LogCommand::NewEpoch = command;
    let config = settings.load()?;
    settings::start_log(&config);
    let url = &config.database.url;
    // Opening a database makes a missing one.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        return Err(Failure::new(format!("{url} does not exist; set database.url to the restored database")));
    }
    let store = open_store(&config).await?;
    let started = start_epoch(&*store).await;
    store.close().await;
    let epoch = started.map_err(Failure::new)?.ok_or_else(|| {
        Failure::new(format!("the event log of {url} is empty; set database.url to the restored database"))
    })?;
    output::print(&format!("the event log has the id {}; cursors of {} have expired\n", epoch.current, epoch.retired))
}

/// `None` for an empty log.
async fn start_epoch(store: &dyn Store) -> storage::Result<Option<NewEpoch>> {
    if store.log_state().await?.head == 0 {
        return Ok(None);
    }
    store.start_epoch().await.map(Some)
}
