//! `orderwire log`.

use clap::Subcommand;

use super::{Failure, Settings, output, settings};
use crate::app::open_store;

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
    settings::refuse_missing(url)?;
    let store = open_store(&config).await?;
    let started = match store.log_state().await {
        Ok(state) if state.head == 0 => Ok(None),
        Ok(_) => store.start_epoch().await.map(Some),
        Err(error) => Err(error),
    };
    store.close().await;
    let epoch = started.map_err(Failure::new)?.ok_or_else(|| {
        Failure::new(format!("the event log of {url} is empty; set database.url to the restored database"))
    })?;
    output::print(&format!("the event log has the id {}; cursors of {} have expired\n", epoch.current, epoch.retired))
}
