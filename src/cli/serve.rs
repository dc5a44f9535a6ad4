//! `orderwire serve`.

use clap::Args;

use super::{Failure, Settings, settings, signal};
use crate::app::App;

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address to listen on.
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
}

pub(super) async fn run(mut settings: Settings, args: ServeArgs) -> Result<(), Failure> {
    if let Some(bind) = args.bind {
        settings.put("server.bind", bind);
    }
    let config = settings.load()?;
    settings::start_log(&config);
    let shutdown = signal::shutdown().map_err(Failure::new)?;
    // A signal also stops a start that is still waiting for the database.
    if let Some(app) = shutdown.run_until_cancelled(App::start(&config)).await {
        app?.run(shutdown.clone()).await;
    }
    Ok(())
}
