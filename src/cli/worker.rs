//! `orderwire worker`.

use super::{Failure, Settings, settings, signal};
use crate::app::run_worker;

pub(super) async fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    let shutdown = signal::shutdown().map_err(Failure::new)?;
    Ok(run_worker(&config, shutdown).await?)
}
