//! A server in this process.

use std::net::SocketAddr;

use orderwire::{
    app::App,
    config::{BindAddress, Config, DatabaseUrl},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A database of its own and a free port.
pub fn config() -> Config {
    let mut config = Config::default();
    config.database.url = DatabaseUrl::Temporary;
    config.server.bind = BindAddress::any_local_port();
    config
}

/// A server that runs until it is told to stop.
pub struct RunningApp {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl RunningApp {
    /// Starts one and has it serve.
    pub async fn start(config: &Config) -> Self {
        Self::run(App::start(config).await.unwrap())
    }

    /// Has one serve that was started.
    pub fn run(app: App) -> Self {
        let (address, stop) = (app.address(), CancellationToken::new());
        Self { address, stop: stop.clone(), running: tokio::spawn(app.run(stop)) }
    }

    /// Returns once it has stopped.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}
